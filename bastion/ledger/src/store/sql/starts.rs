//! Table `login_starts`: how many logins may still be begun from a network, whichever instance they are begun at.

use jiff::Timestamp;

use super::{
    StoreError,
    statement::{Connection, sql},
};
use crate::store::LoginRate;

/// Takes one; false if there is none left. What comes back with time comes back in thousandths, so that nothing of it
/// gets lost between two that follow each other closely.
pub(super) async fn take(
    connection: &mut Connection,
    network: &str,
    rate: LoginRate,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (least, greatest) = connection.dialect().least_and_greatest();
    let (burst, per_second) = (i64::from(rate.burst) * WHOLE, i64::from(rate.per_second));
    // So many a second are as many thousandths a millisecond. Clocks of instances differ: nothing comes back twice.
    let left = format!(
        "{least}({burst}, login_starts.left_thousandths + \
         {greatest}(0, excluded.counted_at - login_starts.counted_at) * {per_second})"
    );
    let mut take = sql("INSERT INTO login_starts (network, left_thousandths, counted_at) VALUES (");
    take.push_bind("", network);
    take.push_bind(", ", burst - WHOLE);
    take.push_bind(", ", now.as_millisecond());
    take.push(&format!(
        ") ON CONFLICT (network) DO UPDATE SET left_thousandths = {left} - {WHOLE}, \
         counted_at = {greatest}(login_starts.counted_at, excluded.counted_at) WHERE {left} >= {WHOLE}"
    ));
    Ok(take.execute(connection).await? > 0)
}

/// Removes those from which nobody has begun a login for a while: all that they had has come back.
pub(super) async fn forget(connection: &mut Connection, now: Timestamp) -> Result<u64, StoreError> {
    let old = now.as_millisecond() - FORGOTTEN_AFTER;
    sql("DELETE FROM login_starts WHERE counted_at < $1").bind(old).execute(connection).await
}

/// In thousandths.
const WHOLE: i64 = 1000;

/// In milliseconds; more than the time in which a whole burst comes back.
const FORGOTTEN_AFTER: i64 = 60 * 60 * 1000;
