//! What the broker counts of its own work: requests and connections. `console` shows it.
//!
//! To count is one atomic addition: nothing here takes a lock, allocates or hashes on the way of a request.

mod errors;
mod histogram;
mod network;
mod requests;

pub use histogram::{BUCKETS, Histogram, Observed};
pub use network::{Connections, End};
pub use requests::{ApiRequests, Requests};

pub(crate) use errors::each_error;
