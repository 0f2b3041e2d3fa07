//! Simulations: the real machines, in one thread and from a seed, in a world that loses, doubles and reorders what they say
//! and stops them anywhere. A failure prints its seed.

#[cfg(test)]
mod random;
#[cfg(test)]
mod transactions;
