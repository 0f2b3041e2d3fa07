//! The APIs of the group coordinator: each finds the shard of its group, asks it, and waits for its answer.

mod consumers;
mod describe;
mod find_coordinator;
mod members;
mod offsets;

use std::sync::Arc;

use coordinator::{Action, Client, Now, Shard, Token};
use protocol::ErrorCode;
use protocol::messages::Response;

pub(super) use consumers::{consumer_group_describe, consumer_group_heartbeat};
pub(super) use describe::{delete_groups, describe_groups, list_groups};
pub(super) use find_coordinator::find_coordinator;
pub(super) use members::{heartbeat, join_group, leave_group, sync_group};
pub(super) use offsets::{offset_commit, offset_delete, offset_fetch};

use super::Call;
use crate::broker::Broker;
use crate::net::Reply;

/// Where a call comes from, as the members of groups are shown.
fn host(call: &Call<'_>) -> String {
    format!("/{}", call.peer.address.ip())
}

/// Who may become a member by this call: each gets an id of its own, in case it has none.
fn client<'a>(call: &'a Call<'_>, host: &'a str) -> Client<'a> {
    Client { id: &call.header.client_id, host, uuid: uuid::Uuid::new_v4() }
}

/// Asks the shard of a group, and answers with what it says; `refused` makes the answer when it cannot be asked.
fn ask(
    broker: &Arc<Broker>,
    group_id: &str,
    api_version: i16,
    ask: impl FnOnce(&mut Shard, Now, Token, &mut Vec<Action>),
    refused: impl FnOnce(ErrorCode) -> Response + Send + 'static,
) -> Reply {
    let mut answer = match broker.groups.ask(group_id, api_version, ask) {
        Ok(answer) => answer,
        Err(code) => return Reply::now(refused(code)),
    };
    // Most answers are there at once.
    if let Ok(response) = answer.try_recv() {
        return Reply::now(*response);
    }
    Reply::later(async move {
        match answer.await {
            Ok(response) => (*response).into(),
            Err(_) => refused(ErrorCode::NotCoordinator).into(),
        }
    })
}
