//! `RecordSource` over Kinesis. Owns reading shards within their limits and their lineage; knows
//! no target.
