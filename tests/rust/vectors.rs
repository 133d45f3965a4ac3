//! Reads the records of `tests/vectors`; their schema stands in the README there.

use std::fs;
use std::path::Path;

use prefcore::Error;
use serde_json::Value;

/// The records of one module.
pub fn records(module: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let text = fs::read_to_string(folder.join(module).with_extension("json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The numbers of a list, or of `{"data": …}`.
pub fn floats(value: &Value) -> Vec<f64> {
    let number = |value: &Value| match value.as_str() {
        Some(text) => text.parse().unwrap(),
        None => value.as_f64().unwrap(),
    };
    items(value).iter().map(number).collect()
}

/// The integers of a list, or of `{"data": …}`.
pub fn ints(value: &Value) -> Vec<i64> {
    items(value)
        .iter()
        .map(|value| value.as_i64().unwrap())
        .collect()
}

/// The entries of a list, or of `{"data": …}`.
pub fn items(value: &Value) -> &[Value] {
    value
        .as_array()
        .or_else(|| value["data"].as_array())
        .unwrap()
}

/// Fails unless |got − want| ≤ abs + rel · |want| for all entries of the field `key`, where the record expects one.
pub fn assert_close(got: &[f64], record: &Value, key: &str) {
    let Some(want) = record["expected"].get(key).map(floats) else {
        return;
    };
    let tol = |key| record["tol"][key].as_f64().unwrap_or(0.0);
    let near = |(&got, &want): (&f64, &f64)| {
        got.total_cmp(&want).is_eq() || (got - want).abs() <= tol("abs") + tol("rel") * want.abs()
    };
    let id = &record["id"];
    assert!(
        got.len() == want.len() && got.iter().zip(&want).all(near),
        "{id} {key}: expected {want:?}, got {got:?}"
    );
}

/// Fails unless the field `key` has these very integers, where the record expects one.
pub fn assert_equal(got: &[i64], record: &Value, key: &str) {
    if let Some(want) = record["expected"].get(key) {
        assert_eq!(got, ints(want), "{} {key}", record["id"]);
    }
}

/// The result, or `None` where the record expects this very class of error and got it.
pub fn unless_raised<T>(result: prefcore::Result<T>, record: &Value) -> Option<T> {
    let class = match &result {
        Ok(_) => None,
        Err(Error::Shape { .. }) => Some("ShapeError"),
        Err(Error::Domain { .. }) => Some("DomainError"),
        Err(Error::Separation(_)) => Some("SeparationError"),
        Err(Error::RankDeficient(_)) => Some("RankDeficientError"),
    };
    assert_eq!(
        class,
        record["expected"]["raises"].as_str(),
        "{}",
        record["id"]
    );
    result.ok()
}
