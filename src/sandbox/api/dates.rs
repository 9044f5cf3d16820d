//! The three forms of dates on the wire (fact sheet 5.6).

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// `2025-03-04T09:03:10Z`.
pub(super) fn zulu(at: OffsetDateTime) -> String {
    write(
        at,
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z"),
    )
}

/// `2025-03-04T09:03:10+00:00`.
pub(super) fn offset(at: OffsetDateTime) -> String {
    write(
        at,
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00"),
    )
}

/// `2025-03-04 09:03:10 UTC`.
pub(super) fn spaced(at: OffsetDateTime) -> String {
    write(
        at,
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC"),
    )
}

fn write(at: OffsetDateTime, form: &[BorrowedFormatItem<'_>]) -> String {
    at.to_offset(time::UtcOffset::UTC)
        .format(form)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn section_5_6_the_three_forms() {
        let at = datetime!(2025-03-04 11:03:10.7 +2);
        assert_eq!(zulu(at), "2025-03-04T09:03:10Z");
        assert_eq!(offset(at), "2025-03-04T09:03:10+00:00");
        assert_eq!(spaced(at), "2025-03-04 09:03:10 UTC");
    }
}
