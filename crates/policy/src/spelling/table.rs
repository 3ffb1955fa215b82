//! One section of `[tables]`.

use crate::spelling::section::section;
use crate::spelling::{At, BindSpelling, ColumnSpelling, Entries, KeySpelling, Word};
use crate::table::{Absent, FirstLoad, KeyChange, Unlisted};

section! {
    /// One table, named "schema.table" as records name it.
    TableSection {
        /// The primary key's columns with their kinds, in clear: { id = "integer" }, or for several a list of such tables.
        required key: KeySpelling,
        /// Every other column: "keep", "drop", or a table that says how it is sealed.
        optional columns: Entries<ColumnSpelling>,
        /// Permanent logical id; default: the section's name. Changing it makes sealed values unreadable.
        optional id: String,
        /// Schema and table as records name them, where the section's name is not "schema.table".
        optional source: SourceNameSection,
        /// The table's name in the new database; default: the source table's name.
        optional target: String,
        /// What ties a sealed value to its row: "row" (the key, the default), a list of further columns that never change, or "column" (weaker: values can be swapped between rows).
        optional bind: BindSpelling,
        /// What a column becomes that a record lacks; default "quarantine".
        optional absent: Word<Absent>,
        /// How a changed key is noticed; default "before_image".
        optional key_change: Word<KeyChange>,
        /// Which loads are taken; default "registered".
        optional first_load: Word<FirstLoad>,
        /// What becomes of a record with a column that is not listed; default "quarantine".
        optional unlisted: Word<Unlisted>,
        /// Names of cascading foreign keys on the source's table that are accepted although their changes never reach the binlog.
        optional accept_cascades: Vec<At<String>>,
    }
}

section! {
    /// Schema and table as records name them.
    SourceNameSection {
        /// The schema; a MySQL database's name.
        required schema: String,
        /// The name of the table.
        required table: String,
    }
}
