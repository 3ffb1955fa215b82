//! What orders a change: `transaction-id`, `transaction-record-id` and `stream-position`. Owns
//! the check that they agree; without all three a change is refused, with no override.

use std::borrow::Cow;

use fieldseal_model::{Engine, Position, SourceOrder};

use super::metadata::Transaction;
use super::string;
use crate::DecodeError;

/// The order of an insert, update or delete. The engine is told by the form of
/// `stream-position`.
pub(super) fn order(transaction: &Transaction<'_>) -> Result<SourceOrder, DecodeError> {
    let record = record_id(
        transaction
            .record_id
            .ok_or(DecodeError::NoTransactionRecordId)?,
    )?;
    let id = transaction.id.ok_or(DecodeError::NoTransactionId)?;
    let id = digits(id).ok_or(DecodeError::OddTransactionId)?;
    let raw = transaction
        .stream_position
        .ok_or(DecodeError::NoStreamPosition)?;
    let place: Cow<'_, str> = string::text(raw).ok_or(DecodeError::OddStreamPosition)??;
    let (engine, position) = match postgres(&place) {
        Some(position) => (Engine::Postgres, position),
        None => (Engine::MySql, mysql(&place, id)?),
    };
    Ok(SourceOrder {
        engine,
        position,
        record,
    })
}

/// From 1, and below the last u32, which would leave no room for the version's `sub`.
fn record_id(raw: &str) -> Result<u32, DecodeError> {
    digits(raw)
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| *number > 0 && *number < u32::MAX)
        .ok_or(DecodeError::OddTransactionRecordId)
}

/// `LSN.n.LSN`, both `HHHHHHHH/HHHHHHHH`; the first is the record's.
fn postgres(place: &str) -> Option<Position> {
    let mut parts = place.split('.');
    let (Some(first), Some(number), Some(last), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    digits(number)?;
    let position = Position::parse(Engine::Postgres, first).ok()?;
    Position::parse(Engine::Postgres, last).ok()?;
    Some(position)
}

/// `file:pos:0:next-pos:transaction-id:file:txn-start-pos`. A transaction lies in one binlog
/// file, so both names must end in the number that `transaction-id` has above its low 32 bits,
/// and it cannot begin behind its own first event.
fn mysql(place: &str, id: u64) -> Result<Position, DecodeError> {
    let mut parts = place.split(':');
    let seven = std::array::from_fn(|_| parts.next());
    let (
        [
            Some(file),
            Some(at),
            Some(flag),
            Some(next),
            Some(repeated),
            Some(start_file),
            Some(start),
        ],
        None,
    ) = (seven, parts.next())
    else {
        return Err(DecodeError::OddStreamPosition);
    };
    let event = binlog(file, at)?;
    let begin = binlog(start_file, start)?;
    digits(flag.strip_prefix('-').unwrap_or(flag)).ok_or(DecodeError::OddStreamPosition)?;
    digits(next).ok_or(DecodeError::OddStreamPosition)?;
    let repeated = digits(repeated).ok_or(DecodeError::OddStreamPosition)?;
    let position = Position(id);
    let agrees = repeated == id
        && file == start_file
        && event.file() == position.file()
        && position.offset() <= begin.offset();
    if agrees {
        Ok(position)
    } else {
        Err(DecodeError::PositionDisagrees)
    }
}

fn binlog(file: &str, offset: &str) -> Result<Position, DecodeError> {
    let odd = DecodeError::OddStreamPosition;
    let number = file
        .rsplit_once('.')
        .filter(|(base, _)| !base.is_empty())
        .and_then(|(_, number)| digits(number))
        .and_then(|number| u32::try_from(number).ok())
        .ok_or(odd)?;
    let offset = digits(offset)
        .and_then(|offset| u32::try_from(offset).ok())
        .ok_or(odd)?;
    Ok(Position::mysql(number, offset))
}

/// ASCII digits only; no sign, no exponent, no fraction.
fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}
