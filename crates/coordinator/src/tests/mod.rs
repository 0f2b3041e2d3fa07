//! The machine as a whole: with a driver that keeps its log in memory, by scripts and by random inputs.

mod cluster;
mod driver;
mod property;
mod script;
