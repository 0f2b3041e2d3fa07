//! What a machine does that a benchmark must know of.

use std::fs;

use crate::say;

/// From pieces of how many pages on, as a power of two, the host gets free memory back.
const PAGE_REPORTING_ORDER: &str = "/sys/module/page_reporting/parameters/page_reporting_order";

/// Larger pieces there are none.
const PAGE_ORDER_MAX: u32 = 10;

/// Says so if the host takes back memory that lies free for some seconds. A page of it costs several times as much when it
/// is written again, so that a benchmark measures how long ago the one before it ended.
pub fn warn_of_page_reporting() {
    let order = fs::read_to_string(PAGE_REPORTING_ORDER).unwrap_or_default();
    if order.trim().parse::<u32>().is_ok_and(|order| order <= PAGE_ORDER_MAX) {
        say(format!(
            "the host of this machine takes free memory back, and the numbers will differ by half from run to run; \
             `echo {} > {PAGE_REPORTING_ORDER}` ends that until the next boot",
            PAGE_ORDER_MAX + 1
        ));
    }
}
