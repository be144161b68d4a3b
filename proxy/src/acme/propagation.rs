//! Whether those whom the CA will ask know of a record already.

use super::Failure;
use crate::config::model::Propagation;

pub(super) async fn wait(how: &Propagation, _name: &str, _value: &str) -> Result<(), Failure> {
    tokio::time::sleep(how.delay).await;
    Ok(())
}
