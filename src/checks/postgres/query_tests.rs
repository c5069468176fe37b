use super::*;

fn query(sql: &str) -> Query {
    serde_saphyr::from_str(&format!("name: q\nsql: |\n  {sql}\n")).unwrap()
}

#[test]
fn a_statement_that_does_not_read_is_refused_by_its_first_word() {
    for sql in [
        "SELECT 1",
        "with x as (select 1) select 1",
        "(SELECT 1)",
        "TABLE t",
        "VALUES (1)",
        "/* a */ select 1",
        "-- a\n  select 1",
    ] {
        assert_eq!(query(sql).flaws(), Vec::<String>::new(), "{sql}");
    }
    for sql in
        ["DELETE FROM t", "/* select */ UPDATE t", "BEGIN", "EXPLAIN SELECT 1", "COPY t TO 'x'"]
    {
        assert_eq!(query(sql).flaws().len(), 1, "{sql}");
    }
}

#[test]
fn more_rows_than_can_be_fetched_are_not_promised() {
    let mut query = query("SELECT 1");
    query.rows_at_most.0 = 1_001;
    query.rows_at_least.0 = 2_000;
    assert_eq!(query.flaws().len(), 2);
}
