use prefcore::Result;
use prefcore::check::NanPolicy;
use prefcore::column::Column;
use prefcore::metrics::{
    Concordance, Variant, concordance_counts, goodman_kruskal_gamma, kendall_tau,
};
use serde_json::{Value, json};

use crate::vectors::{assert_close, assert_equal, floats, ints, records, unless_raised};

#[test]
fn every_record_holds() {
    for record in records("metrics").into_iter().map(in_lists) {
        let inputs = &record["inputs"];
        let (x, y) = (Numbers::new(&inputs["x"]), Numbers::new(&inputs["y"]));
        let one_group = || vec![0, i64::try_from(x.column().len()).unwrap()];
        let offsets = inputs.get("offsets").map_or_else(one_group, ints);
        let nan = match record["params"]["nan"].as_str() {
            Some("omit") => NanPolicy::Omit,
            _ => NanPolicy::Raise,
        };
        let (x, y) = (x.column(), y.column());
        match record["function"].as_str().unwrap() {
            "metrics.kendall_tau" => {
                let name = record["params"]["variant"].as_str().unwrap_or("b");
                let variant: Variant = name.parse().unwrap();
                assert_values(kendall_tau(x, y, &offsets, variant, nan), &record);
            }
            "metrics.goodman_kruskal_gamma" => {
                assert_values(goodman_kruskal_gamma(x, y, &offsets, nan), &record);
            }
            "metrics.concordance_counts" => {
                assert_counts(&concordance_counts(x, y, &offsets, nan).unwrap(), &record);
            }
            other => panic!("no Rust function for {other}"),
        }
    }
}

/// One group is a list of one group here: the record's plain numbers become lists.
fn in_lists(mut record: Value) -> Value {
    for (key, value) in record["expected"].as_object_mut().unwrap() {
        if !value.is_array() && key != "raises" {
            *value = json!([value.take()]);
        }
    }
    record
}

fn assert_values(values: Result<Vec<f64>>, record: &Value) {
    if let Some(values) = unless_raised(values, record) {
        assert_close(&values, record, "value");
    }
}

fn assert_counts(counts: &[Concordance], record: &Value) {
    type Field = fn(&Concordance) -> i64;
    let fields: [(&str, Field); 6] = [
        ("concordant", |list| list.concordant),
        ("discordant", |list| list.discordant),
        ("ties_x", |list| list.ties_x),
        ("ties_y", |list| list.ties_y),
        ("ties_xy", |list| list.ties_xy),
        ("n", |list| list.n),
    ];
    for (key, field) in fields {
        let column: Vec<i64> = counts.iter().map(field).collect();
        assert_equal(&column, record, key);
    }
}

enum Numbers {
    Floats(Vec<f64>),
    Ints(Vec<i64>),
}

impl Numbers {
    fn new(value: &Value) -> Self {
        if let Some(bounds) = value.get("arange").map(ints) {
            let [first, end, step] = bounds[..] else {
                panic!("arange takes start, stop, step, got {bounds:?}")
            };
            let length = (end - first) / step;
            return Self::Ints((0..length).map(|place| first + place * step).collect());
        }
        match value["dtype"].as_str() {
            Some("int64") => Self::Ints(ints(value)),
            _ => Self::Floats(floats(value)),
        }
    }

    fn column(&self) -> Column<'_> {
        match self {
            Self::Floats(values) => Column::F64(values),
            Self::Ints(values) => Column::I64(values),
        }
    }
}
