//! Accounts, invitations and tokens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    pub id: i64,
    pub login: String,
    pub name: String,
    pub role: String,
    pub has_second_factor: bool,
    pub is_disabled: bool,
    pub created: Timestamp,
}

/// A change of an account. What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    /// `viewer`, `operator`, `approver` or `admin`.
    #[serde(default)]
    pub role: Option<String>,
    #[serde(default)]
    pub disabled: Option<bool>,
    /// True removes the second factor of a person who lost it.
    #[serde(default)]
    pub remove_second_factor: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// `viewer`, `operator`, `approver` or `admin`.
    pub role: String,
    /// Without it, the person chooses one.
    #[serde(default)]
    pub login: Option<String>,
}

/// A new invitation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    /// The path, below the console's address, that the person opens. It is shown once.
    pub path: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    pub id: i64,
    pub name: String,
    pub role: String,
    pub created_by: String,
    pub created: Timestamp,
    pub expires: Timestamp,
    /// To the minute.
    pub used: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The ledger names the actor `token NAME`.
    pub name: String,
    /// `viewer`, `operator`, `approver` or `admin`.
    pub role: String,
    #[schema(minimum = 1, maximum = 3660)]
    pub days: u16,
}

/// A new token.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedToken {
    /// It is shown once.
    pub token: String,
}
