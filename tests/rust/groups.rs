use prefcore::groups;
use serde_json::Value;

use crate::vectors::{assert_equal, ints, items, records, unless_raised};

#[test]
fn every_record_holds() {
    for record in records("groups") {
        let inputs = &record["inputs"];
        match record["function"].as_str().unwrap() {
            "groups.offsets_from_lengths" => {
                let offsets = groups::offsets_from_lengths(&ints(&inputs["lengths"]));
                assert_equal(&offsets.unwrap(), &record, "value");
            }
            "groups.offsets_from_ids" => {
                let offsets = groups::offsets_from_ids(items(&inputs["ids"]));
                assert!(unless_raised(offsets, &record).is_none());
            }
            "groups.group_by_ids" => {
                let ids = items(&inputs["ids"]);
                let grouped = groups::group_by_ids(ids);
                assert_equal(&grouped.rows, &record, "rows");
                assert_equal(&grouped.offsets, &record, "offsets");
                let starts = &grouped.offsets[..grouped.offsets.len() - 1];
                let row =
                    |start: &i64| usize::try_from(grouped.rows[usize::try_from(*start).unwrap()]);
                let first: Vec<&Value> = starts
                    .iter()
                    .map(|start| &ids[row(start).unwrap()])
                    .collect();
                assert_eq!(first, Vec::from_iter(items(&record["expected"]["ids"])));
            }
            "groups.offsets_from_mask" => {
                let lists = items(&inputs["mask"]);
                let cells = lists
                    .iter()
                    .flat_map(items)
                    .map(|cell| cell.as_bool().unwrap());
                let mask: Vec<bool> = cells.collect();
                let length = mask.len() / lists.len();
                let ragged = groups::offsets_from_mask(&mask, lists.len(), length).unwrap();
                assert_equal(&ragged.rows, &record, "rows");
                assert_equal(&ragged.offsets, &record, "offsets");
            }
            "groups.validate_offsets" => {
                let n = usize::try_from(inputs["n"].as_u64().unwrap()).unwrap();
                let n_groups = groups::validate_offsets(&ints(&inputs["offsets"]), n);
                if let Some(n_groups) = unless_raised(n_groups, &record) {
                    assert_eq!(Some(n_groups as u64), record["expected"]["value"].as_u64());
                }
            }
            other => panic!("no Rust function for {other}"),
        }
    }
}
