//! The machine as a whole: with a driver that keeps its log in memory, by scripts and by random inputs.

mod driver;
mod property;
mod script;
