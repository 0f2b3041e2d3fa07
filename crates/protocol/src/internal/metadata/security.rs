//! Who may do what: SCRAM credentials, ACLs and delegation tokens.

use std::fmt;

use bytes::Bytes;

use crate::ids::Timestamp;
use crate::wire::wire_fields;

/// A SCRAM credential of a user (KIP-900).
#[derive(Clone, PartialEq, Eq)]
pub struct UserScramCredentialRecord {
    /// The user.
    pub name: String,
    /// The hash function, by Kafka's number (`ScramMechanism`): 1 is SHA-256, 2 is SHA-512.
    pub mechanism: i8,
    /// What the password was salted with.
    pub salt: Bytes,
    /// What a client's proof is checked with.
    pub stored_key: Bytes,
    /// What the server proves itself with.
    pub server_key: Bytes,
    /// How often the password was hashed.
    pub iterations: i32,
}
wire_fields!(UserScramCredentialRecord {
    name,
    mechanism,
    salt,
    stored_key,
    server_key,
    iterations,
});

/// Without what a password could be guessed from, for records are logged (`RecordRedactor`).
impl fmt::Debug for UserScramCredentialRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserScramCredentialRecord")
            .field("name", &self.name)
            .field("mechanism", &self.mechanism)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// The end of a SCRAM credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveUserScramCredentialRecord {
    /// The user.
    pub name: String,
    /// The hash function.
    pub mechanism: i8,
}
wire_fields!(RemoveUserScramCredentialRecord { name, mechanism });

/// An ACL (KIP-801). The numbers are those of Kafka's `ResourceType`, `PatternType`, `AclOperation` and
/// `AclPermissionType`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessControlEntryRecord {
    /// Its identity.
    pub id: [u8; 16],
    /// The type of the resources.
    pub resource_type: i8,
    /// The name of the resources, or what it begins with.
    pub resource_name: String,
    /// Whether it is the name or the beginning.
    pub pattern_type: i8,
    /// Whom it is for, as `User:name`.
    pub principal: String,
    /// The address that the principal comes from; `*` for any.
    pub host: String,
    /// What it is about.
    pub operation: i8,
    /// Whether that is allowed or denied.
    pub permission_type: i8,
}
wire_fields!(AccessControlEntryRecord {
    id,
    resource_type,
    resource_name,
    pattern_type,
    principal,
    host,
    operation,
    permission_type,
});

/// The end of an ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveAccessControlEntryRecord {
    /// Its identity.
    pub id: [u8; 16],
}
wire_fields!(RemoveAccessControlEntryRecord { id });

/// A delegation token. Its secret is not kept: it follows from the id and the key of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationTokenRecord {
    /// Whom it stands for.
    pub owner: String,
    /// Who asked for it.
    pub requester: String,
    /// Who else may renew it.
    pub renewers: Vec<String>,
    /// When it was issued.
    pub issue_timestamp: Timestamp,
    /// Up to when it can be renewed.
    pub max_timestamp: Timestamp,
    /// Up to when it counts unless it is renewed.
    pub expiration_timestamp: Timestamp,
    /// Its identity.
    pub token_id: String,
}
wire_fields!(DelegationTokenRecord {
    owner,
    requester,
    renewers,
    issue_timestamp,
    max_timestamp,
    expiration_timestamp,
    token_id,
});

/// The end of a delegation token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveDelegationTokenRecord {
    /// Its identity.
    pub token_id: String,
}
wire_fields!(RemoveDelegationTokenRecord { token_id });
