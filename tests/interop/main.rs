//! Ottla and the real Apache Kafka 4.3.1: what one wrote, the other reads. Kafka is fetched once with Maven and run by
//! Java 17 or later (`kafka_dist`).

mod classic_groups_on_ottla;
mod cli_on_kafka;
mod dump_log;
mod group_member;
mod groups_on_ottla;
mod js_and_go_on_ottla;
mod jvm;
mod kafka_on_kafka;
mod kafka_on_ottla;
mod kafka_tools_on_ottla;
mod kcat_on_ottla;
mod made_logs;
mod metadata_on_ottla;
mod ottla_logs;
mod ottla_on_kafka;
mod python_on_ottla;
mod streams_on_ottla;
mod transactions_on_ottla;

use testkit::{kafka_broker as broker, kafka_dist, ottla_broker, process};
