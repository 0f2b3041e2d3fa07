//! The error codes in a response, wherever it has them.

use protocol::messages::Response;

/// Hands every code of one list of structs to `$on`, or of the lists in its structs.
macro_rules! visit {
    ($on:ident, $it:expr, []) => {
        $on($it.error_code)
    };
    ($on:ident, $it:expr, [$list:ident $($inner:ident)*]) => {
        for it in &$it.$list {
            visit!($on, it, [$($inner)*]);
        }
    };
}

/// Declares where each response has error codes: the lists on the way to each, from the outside in.
macro_rules! errors {
    ($($api:ident: $([$($list:ident)*])*;)*) => {
        /// Calls `on` with every error code of the response that is not `NONE`. Those APIs are left out that are not
        /// served, or whose answers have no room for errors.
        pub(crate) fn each_error(response: &Response, mut on: impl FnMut(i16)) {
            let mut on = |code: i16| {
                if code != 0 {
                    on(code);
                }
            };
            match response {
                $(Response::$api(response) => { $(visit!(on, response, [$($list)*]);)* })*
                _ => {}
            }
        }
    };
}

errors! {
    Produce: [responses partition_responses];
    Fetch: [] [responses partitions];
    ListOffsets: [topics partitions];
    Metadata: [topics] [topics partitions];
    OffsetCommit: [topics partitions];
    OffsetFetch: [] [topics partitions] [groups] [groups topics partitions];
    FindCoordinator: [] [coordinators];
    JoinGroup: [];
    Heartbeat: [];
    LeaveGroup: [] [members];
    SyncGroup: [];
    DescribeGroups: [groups];
    ListGroups: [];
    SaslHandshake: [];
    ApiVersions: [];
    CreateTopics: [topics];
    DeleteTopics: [responses];
    DeleteRecords: [topics partitions];
    InitProducerId: [];
    OffsetForLeaderEpoch: [topics partitions];
    AddPartitionsToTxn: [];
    AddOffsetsToTxn: [];
    EndTxn: [];
    WriteTxnMarkers: [markers topics partitions];
    TxnOffsetCommit: [topics partitions];
    DescribeAcls: [];
    CreateAcls: [results];
    DeleteAcls: [filter_results];
    DescribeConfigs: [results];
    AlterConfigs: [responses];
    AlterReplicaLogDirs: [results partitions];
    DescribeLogDirs: [] [results];
    SaslAuthenticate: [];
    CreatePartitions: [results];
    DeleteGroups: [results];
    ElectLeaders: [] [replica_election_results partition_result];
    IncrementalAlterConfigs: [responses];
    AlterPartitionReassignments: [] [responses partitions];
    ListPartitionReassignments: [];
    OffsetDelete: [] [topics partitions];
    DescribeQuorum: [] [topics partitions];
    UpdateFeatures: [] [results];
    DescribeCluster: [];
    DescribeProducers: [topics partitions];
    DescribeTransactions: [transaction_states];
    ListTransactions: [];
    ConsumerGroupHeartbeat: [];
    ConsumerGroupDescribe: [groups];
    GetTelemetrySubscriptions: [];
    PushTelemetry: [];
    ListConfigResources: [];
    DescribeTopicPartitions: [topics] [topics partitions];
}

#[cfg(test)]
mod tests {
    use protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
    use protocol::messages::{FetchResponse, HeartbeatResponse};

    use super::*;

    fn codes(response: impl Into<Response>) -> Vec<i16> {
        let mut codes = Vec::new();
        each_error(&response.into(), |code| codes.push(code));
        codes
    }

    #[test]
    fn errors_are_found_at_every_depth() {
        let partition = |code| PartitionData::default().with_error_code(code);
        let topic = FetchableTopicResponse::default().with_partitions(vec![
            partition(0),
            partition(3),
            partition(6),
        ]);
        let response = FetchResponse::default().with_error_code(70).with_responses(vec![topic]);
        assert_eq!(codes(response), [70, 3, 6]);
        assert_eq!(codes(HeartbeatResponse::default().with_error_code(27)), [27]);
        assert_eq!(codes(HeartbeatResponse::default()), [0_i16; 0]);
    }
}
