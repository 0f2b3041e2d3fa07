//! UpdateFeatures: all of the features move to the wanted levels, or none (KIP-584).

use std::sync::Arc;

use controller::decide::{self, FeatureUpdate, UpgradeType};
use protocol::messages::update_features_response::UpdatableFeatureResult;
use protocol::messages::{Request, Response, UpdateFeaturesRequest, UpdateFeaturesResponse};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire;

/// Up to this version the answer repeats the features.
const RESULTS_UP_TO: i16 = 1;

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::UpdateFeatures(request) = request else { return misrouted(&request) };
    let broker = Arc::clone(broker);
    let version = call.header.version;
    Reply::later(async move {
        let updates = updates(&request);
        let validate_only = request.validate_only;
        let decided =
            broker.decide(move |cluster| decide::update_features(cluster, &updates, validate_only));
        let result = decided.await.and_then(|result| result);
        // As in Kafka the features are named one by one only if all is well.
        let names_features = result.is_ok() && version <= RESULTS_UP_TO;
        let named = request.feature_updates.iter().filter(|_| names_features);
        let results = named.map(|update| {
            UpdatableFeatureResult::default()
                .with_feature(update.feature.clone())
                .with_error_message(None)
        });
        let (code, message) = wire::error(result.err());
        let response = UpdateFeaturesResponse::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_results(results.collect());
        Response::UpdateFeatures(response).into()
    })
}

fn updates(request: &UpdateFeaturesRequest) -> Vec<FeatureUpdate> {
    let updates = request.feature_updates.iter().map(|update| FeatureUpdate {
        name: update.feature.to_string(),
        level: update.max_version_level,
        upgrade_type: UpgradeType::from_code(update.upgrade_type),
    });
    updates.collect()
}
