//! The lines of `fieldseal_layout`: what of the policy makes stored values readable
//! (`docs/FORMAT.md`, section 5). Owns their wording, which is permanent: stored lines are
//! compared with new ones as text.

use fieldseal_model::{Kind, ValueType};

use crate::table::Table;

impl Table {
    /// What makes this table's stored values readable, one fact a line: its id, what values are
    /// bound to, in order, and every sealed column. Padding is not among it: a reader need not
    /// know it. Store the lines by target table.
    #[must_use]
    pub fn layout(&self) -> Vec<String> {
        let mut lines = vec![format!("table id {:?}", self.id.as_str())];
        let bound: Vec<String> = self
            .bound_columns()
            .iter()
            .map(|column| format!("{:?} {}", column.target, shape(&column.ty)))
            .collect();
        lines.push(match bound.is_empty() {
            true => "bound to no row".to_owned(),
            false => format!("bound to {}", bound.join(", ")),
        });
        for (column, seal) in self.sealed() {
            let (name, id) = (&column.target, column.id.as_str());
            lines.push(format!(
                "column {name:?} id {id:?} domain {} kind {}",
                seal.domain,
                shape(&seal.ty)
            ));
            if seal.seal_null {
                lines.push(format!("column {name:?} seals null"));
            }
        }
        lines
    }

    /// The first stored line that this policy no longer says: values stored under it could not be
    /// opened. New lines do no harm.
    #[must_use]
    pub fn lost_from<'s>(&self, stored: &[&'s str]) -> Option<&'s str> {
        let now = self.layout();
        stored
            .iter()
            .find(|line| !now.iter().any(|new| new == *line))
            .copied()
    }
}

/// A kind with the details that change its canonical bytes or what opening accepts.
fn shape(ty: &ValueType) -> String {
    let mut shape = ty.kind.name().to_owned();
    // A UUID has 16 bytes, whatever column it comes from.
    let width = ty.width.filter(|_| ty.kind != Kind::Uuid);
    let details = [
        ("width", width),
        ("bits", ty.bits.map(u32::from)),
        ("scale", ty.scale),
    ];
    for (name, number) in details {
        if let Some(number) = number {
            shape.push_str(&format!(" {name} {number}"));
        }
    }
    if ty.fixed_char {
        shape.push_str(" fixed_char");
    }
    shape
}
