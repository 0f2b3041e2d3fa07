//! What may be asked of a cluster, as numbers that the world makes sense of: most of what is asked is possible.

use proptest::prelude::*;

/// One request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A broker registers, after a clean shutdown or not.
    Register { broker: i32, is_clean: bool },
    /// A broker is unfenced.
    Unfence { broker: i32 },
    /// A broker is fenced.
    Fence { broker: i32 },
    /// A broker is about to stop.
    Shutdown { broker: i32 },
    /// A broker is forgotten.
    Unregister { broker: i32 },
    /// A topic is created.
    Create { topic: u8, partitions: i32, replicas: i16, min_isr: u8, is_unclean: bool, seed: u64 },
    /// A topic is deleted.
    Delete { topic: u8 },
    /// A topic gets more partitions.
    Extend { topic: u8, more: i32, seed: u64 },
    /// A topic's setting changes.
    Configure { topic: u8, value: u8 },
    /// A leader says who is in sync: the replicas whose bits are set.
    AlterIsr { topic: u8, partition: i32, isr: u8 },
    /// Leaders are elected.
    Elect { is_unclean: bool },
    /// A broker gets producer ids.
    Allocate { broker: i32 },
    /// Eligible leader replicas are switched off or on.
    Feature { is_on: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let broker = || 1..5i32;
    let topic = || 0..4u8;
    prop_oneof![
        3 => (broker(), any::<bool>())
            .prop_map(|(broker, is_clean)| Step::Register { broker, is_clean }),
        4 => broker().prop_map(|broker| Step::Unfence { broker }),
        2 => broker().prop_map(|broker| Step::Fence { broker }),
        1 => broker().prop_map(|broker| Step::Shutdown { broker }),
        1 => broker().prop_map(|broker| Step::Unregister { broker }),
        5 => (topic(), 1..4i32, 1..4i16, 1..4u8, any::<bool>(), any::<u64>()).prop_map(
            |(topic, partitions, replicas, min_isr, is_unclean, seed)| Step::Create {
                topic, partitions, replicas, min_isr, is_unclean, seed,
            },
        ),
        1 => topic().prop_map(|topic| Step::Delete { topic }),
        1 => (topic(), 1..3i32, any::<u64>())
            .prop_map(|(topic, more, seed)| Step::Extend { topic, more, seed }),
        2 => (topic(), 1..4u8).prop_map(|(topic, value)| Step::Configure { topic, value }),
        6 => (topic(), 0..3i32, any::<u8>())
            .prop_map(|(topic, partition, isr)| Step::AlterIsr { topic, partition, isr }),
        2 => any::<bool>().prop_map(|is_unclean| Step::Elect { is_unclean }),
        1 => broker().prop_map(|broker| Step::Allocate { broker }),
        1 => any::<bool>().prop_map(|is_on| Step::Feature { is_on }),
    ]
}

/// Requests to a cluster that begins with three brokers.
pub(crate) fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let begin = (1..4)
        .flat_map(|broker| [Step::Register { broker, is_clean: false }, Step::Unfence { broker }]);
    let begin: Vec<_> = begin.collect();
    prop::collection::vec(step(), 0..max)
        .prop_map(move |steps| begin.iter().cloned().chain(steps).collect())
}
