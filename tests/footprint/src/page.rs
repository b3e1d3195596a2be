//! The page of the documentation that holds the figures.
//!
//! Invariant: only what stands between the two marks is written; the rest of the page is people's.

/// Where the figures begin.
const BEGIN: &str = "<!-- figures: written by tests/footprint -->\n";
/// Where they end.
const END: &str = "<!-- end of the figures -->\n";

/// The page with other figures.
pub fn with_figures(page: &str, figures: &str) -> Result<String, String> {
    let (before, rest) = page.split_once(BEGIN).ok_or("the page has no first mark")?;
    let (_, after) = rest.split_once(END).ok_or("the page has no second mark")?;
    Ok(format!(
        "{before}{BEGIN}\n{}\n\n{END}{after}",
        figures.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = format!("# A\n{BEGIN}old\n{END}after\n");
        let fresh = with_figures(&page, "new\n").expect("both marks are there");
        assert_eq!(fresh, format!("# A\n{BEGIN}\nnew\n\n{END}after\n"));
        assert_eq!(with_figures(&fresh, "new"), Ok(fresh.clone()));
    }

    #[test]
    fn a_page_without_marks_is_left_alone() {
        assert!(with_figures("# A\n", "new").is_err());
        assert!(with_figures(&format!("{BEGIN}x"), "new").is_err());
    }
}
