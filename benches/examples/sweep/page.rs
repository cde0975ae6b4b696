//! The places of tables in a chapter: between `<!-- table NAME -->` and `<!-- end -->`.

use std::io;

const OPENS: &str = "<!-- table ";
const CLOSES: &str = "<!-- end -->";

/// A chapter with other tables in their places.
///
/// # Errors
/// Where a table has no place, or a place no table.
pub fn fill(chapter: &str, tables: &[(&str, String)]) -> io::Result<String> {
    let error = |what: String| Err(io::Error::other(what));
    let places = self::tables(chapter);
    if let Some((name, _)) = tables.iter().find(|(name, _)| places.iter().all(|at| at.0 != *name)) {
        return error(format!("the chapter has no place for the table {name}: mark one"));
    }
    let (mut filled, mut rest) = (String::new(), chapter);
    for (name, old) in places {
        let Some((_, new)) = tables.iter().find(|table| table.0 == name) else {
            return error(format!("nothing makes the table {name}: take its place out"));
        };
        // The text of a place is a part of what is left of the chapter.
        let [start, end] = [old.as_ptr() as usize, old.as_ptr() as usize + old.len()];
        let at = rest.as_ptr() as usize;
        filled.push_str(&rest[..start - at]);
        filled.push_str("\n\n");
        filled.push_str(new);
        filled.push('\n');
        rest = &rest[end - at..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The names of the tables of a chapter, and what is in their places.
pub fn tables(chapter: &str) -> Vec<(&str, &str)> {
    let mut tables = Vec::new();
    let mut rest = chapter;
    while let Some((_, place)) = rest.split_once(OPENS) {
        let Some((name, text)) = place.split_once(" -->") else { break };
        let Some((text, after)) = text.split_once(CLOSES) else { break };
        tables.push((name, text));
        rest = after;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAPTER: &str =
        "a\n<!-- table one -->old<!-- end -->\nb\n<!-- table two --><!-- end -->\n";

    fn table(name: &str) -> (&str, String) {
        (name, format!("| {name} |\n"))
    }

    #[test]
    fn tables_are_replaced_and_the_rest_stays() {
        let filled = fill(CHAPTER, &[table("two"), table("one")]).unwrap();
        let expected = "a\n<!-- table one -->\n\n| one |\n\n<!-- end -->\nb\n\
                        <!-- table two -->\n\n| two |\n\n<!-- end -->\n";
        assert_eq!(filled, expected);
        assert_eq!(fill(&filled, &[table("one"), table("two")]).unwrap(), expected);
    }

    #[test]
    fn a_table_without_a_place_and_a_place_without_a_table_are_errors() {
        let error = fill(CHAPTER, &[table("one"), table("two"), table("three")]).unwrap_err();
        assert!(error.to_string().contains("three"), "{error}");
        let error = fill(CHAPTER, &[table("one")]).unwrap_err();
        assert!(error.to_string().contains("two"), "{error}");
    }
}
