//! The way to AWS: connections, credentials, one reading of errors, and pacing.
//!
//! Every request of this program goes through [`AwsSession::call`], which keeps it within AWS's
//! published rates, retries what may be retried and classifies what went wrong. The SDK's own
//! retries are off: their budget is one for all operations and blind to the account, and was
//! measured to lose 78 of 100 registrations of task definitions.

mod absence;
mod bucket;
mod call;
mod connection;
mod credentials;
mod fault;
mod http;
mod pacer;
mod region;
mod session;
mod simulated;
mod simulation;
mod their_clock;
mod throttles;
mod witness;

pub use aws_credential_types::Credentials;
pub use connection::{Aws, AwsOptions, Connection};
pub use fault::{AwsError, Denial, FaultKind};
pub use pacer::{Pacing, ThrottleHook};
pub use region::profile_region;
pub use session::{AwsSession, CallerIdentity, IdentityError};
pub use simulation::{ContextKey, Simulated, Simulation};
pub use throttles::Throttles;
pub use witness::Tried;

pub(crate) use bucket::{Bucket, Limit};
pub(crate) use call::{Operation, Repeat, in_parallel, spread};
pub(crate) use http::{BlobError, HttpContext};
pub(crate) use their_clock::SharedClock;
