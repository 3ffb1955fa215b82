//! Database errors to target errors: which may be tried again. Owns that one table.

use fieldseal_db::{DbError, DbErrorKind};
use fieldseal_pipeline::TargetError;

/// What a database error means to the pipeline.
///
/// A server that is away, gives way or did not answer a commit is tried again with the same
/// batch; a refused value halves it; everything else stops the shard.
pub(crate) fn target_error(error: &DbError) -> TargetError {
    match error.kind() {
        DbErrorKind::Data => TargetError::Data {
            code: match error.code() {
                Some("1153") => {
                    "1153, longer than the server's max_allowed_packet: raise that".to_owned()
                }
                code => code.unwrap_or("without a code").to_owned(),
            },
        },
        _ if error.is_transient() => TargetError::Transient(error.to_string()),
        _ => TargetError::Fatal(error.to_string()),
    }
}
