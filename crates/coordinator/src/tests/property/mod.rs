//! Random inputs: nothing panics, everybody is answered once, and the log alone gives the same state.

mod consumer;
mod damaged;
mod op;
mod request;
mod world;

use proptest::prelude::*;

use op::ops;
use world::World;

proptest! {
    #[test]
    fn log_gives_the_same_state_and_everybody_is_answered_once(ops in ops()) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
            world.check();
        }
        world.finish();
    }
}
