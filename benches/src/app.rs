//! What an application pays that lives on a sealed database: a page of rows opened with keys that
//! are there, many rows opened by all cores, a look-up by a blind index. Owns the rounds of the first
//! two; bare AES-256-GCM over the same lengths, the struct, and the look-up are in the modules below.

mod bare;
mod customer;
mod found;

use std::hint::black_box;

use fieldseal::Vault;
use fieldseal::keys::Keyring;
use serde_json::{Value, json};

use crate::args::Args;
use crate::report::{Failure, rounded};
use crate::stopwatch::{Stopwatch, Times, median};
use crate::workload::Keys;
use bare::Bare;
use customer::{Customer, SealedCustomer, sealed};

/// Rows of a page, and pages of a round.
const PAGE: u64 = 100;
const PAGES: u64 = 200;

/// Rows that one core opens at once: below `PARALLEL_ROWS` of `crates/fieldseal/src/open.rs`, from
/// which on a call is shared by all.
const ALONE: usize = 250;

/// Two ways of doing the same, and the times of each in every round.
#[derive(Default)]
struct Pairs {
    ours: Vec<Times>,
    other: Vec<Times>,
}

impl Pairs {
    /// The median of the rounds' own ratios: neighbours in time share the machine's mood.
    fn ratio(&self, of: fn(&Times) -> f64) -> f64 {
        let pairs = self.ours.iter().zip(&self.other);
        rounded(median(pairs.map(|(ours, other)| of(ours) / of(other))), 3)
    }
}

pub(crate) async fn measure(args: &Args) -> Result<Value, Failure> {
    let keys = Keys::make().await?;
    let vault = Vault::over(Keyring::clone(&keys.keyring));
    let rows = args.rows.unwrap_or(100_000);
    // Every key is fetched, and the threads are started.
    black_box(opened(&vault, sealed(&vault, 0..1_000, true).await?).await?);
    let mut lookup = serde_json::Map::new();
    if let Some(url) = &args.postgres {
        let figures = Box::pin(found::in_postgres(&vault, url, args.rounds)).await?;
        lookup.insert("postgres".to_owned(), figures);
    }
    if let Some(url) = &args.mariadb {
        let figures = Box::pin(found::in_mariadb(&vault, url, args.rounds)).await?;
        lookup.insert("mariadb".to_owned(), figures);
    }
    if lookup.is_empty() {
        eprintln!(
            "benches: look-up not measured: give --postgres or --mariadb, or set \
             FIELDSEAL_TEST_POSTGRES_URL or FIELDSEAL_TEST_MARIADB_URL"
        );
    }
    Ok(json!({
        "page": page(&vault, args.rounds * 3, false).await?,
        "page_with_index": page(&vault, args.rounds * 3, true).await?,
        "many": many(&vault, rows, args.rounds).await?,
        "lookup": lookup,
    }))
}

/// Pages, each made right before it is opened, as one that was just fetched. In turns with the bare
/// cipher over as many bytes, page by page.
async fn page(vault: &Vault, rounds: usize, index: bool) -> Result<Value, Failure> {
    let bare = Bare::new();
    let (mut pairs, mut dropped) = (Pairs::default(), Pairs::default());
    for _ in 0..rounds {
        let (mut ours, mut other) = (Times::default(), Times::default());
        let mut drops = Times::default();
        for number in 0..PAGES {
            let rows = sealed(vault, number * PAGE..(number + 1) * PAGE, index).await?;
            let mut fields = bare.fields(&rows)?;
            // Who comes first changes.
            if number % 2 == 0 {
                let watch = Stopwatch::start();
                bare.open(&mut fields)?;
                other = other + watch.read();
            }
            let watch = Stopwatch::start();
            let customers = black_box(opened(vault, rows).await?);
            ours = ours + watch.read();
            let watch = Stopwatch::start();
            drop(customers);
            drops = drops + watch.read();
            if number % 2 == 1 {
                let watch = Stopwatch::start();
                bare.open(&mut fields)?;
                other = other + watch.read();
            }
        }
        dropped.ours.push(ours + drops);
        dropped.other.push(other);
        pairs.ours.push(ours);
        pairs.other.push(other);
    }
    let us = |times: &[Times]| {
        let cpu = median(times.iter().map(|times| times.cpu));
        rounded(cpu * 1e6 / PAGES as f64, 1)
    };
    Ok(json!({
        "rows": PAGE,
        "sealed_fields": PAGE * 6,
        "pages_per_round": PAGES,
        "rounds": rounds,
        "cpu_us_bare": us(&pairs.other),
        "cpu_us_open_all": us(&pairs.ours),
        "open_all_to_bare": pairs.ratio(|times| times.cpu),
        "aim": if index { "none: the bare cipher compares no index" } else { "at most 1.3" },
        "cpu_us_open_all_and_drop": us(&dropped.ours),
        "open_all_and_drop_to_bare": dropped.ratio(|times| times.cpu),
    }))
}

/// All rows in one call, and in pages that one core opens one after the other. Both hold what they
/// opened to the end; dropping it is measured by itself.
async fn many(vault: &Vault, rows: usize, rounds: usize) -> Result<Value, Failure> {
    let mut pairs = Pairs::default();
    let mut drops = Vec::new();
    for round in 0..rounds {
        // Who comes first changes.
        for all in [round % 2 == 0, round % 2 == 1] {
            let rows = sealed(vault, 0..rows as u64, false).await?;
            if all {
                let watch = Stopwatch::start();
                let customers = black_box(opened(vault, rows).await?);
                pairs.ours.push(watch.read());
                let watch = Stopwatch::start();
                drop(customers);
                drops.push(watch.read().wall);
            } else {
                let pages = in_pages(rows);
                let mut customers = Vec::with_capacity(pages.len());
                let watch = Stopwatch::start();
                for page in pages {
                    customers.push(opened(vault, page).await?);
                }
                pairs.other.push(watch.read());
                black_box(customers);
            }
        }
    }
    let ms = |seconds: f64| rounded(seconds * 1e3, 1);
    let wall = |times: &[Times]| ms(median(times.iter().map(|times| times.wall)));
    let cpu = |times: &[Times]| ms(median(times.iter().map(|times| times.cpu)));
    let speed_up = median(
        pairs
            .ours
            .iter()
            .zip(&pairs.other)
            .map(|(all, one)| one.wall / all.wall),
    );
    Ok(json!({
        "rows": rows,
        "sealed_fields": rows * 6,
        "rounds": rounds,
        "ms_one_core": wall(&pairs.other),
        "ms_all_cores": wall(&pairs.ours),
        "cpu_ms_one_core": cpu(&pairs.other),
        "cpu_ms_all_cores": cpu(&pairs.ours),
        "ms_dropping": ms(median(drops)),
        "one_core_to_all": rounded(speed_up, 3),
        "aim": "at least 1.8 on two cores",
    }))
}

fn in_pages(rows: Vec<SealedCustomer>) -> Vec<Vec<SealedCustomer>> {
    let mut rows = rows.into_iter();
    let pages = std::iter::from_fn(|| Some(rows.by_ref().take(ALONE).collect::<Vec<_>>()));
    pages.take_while(|page| !page.is_empty()).collect()
}

async fn opened(vault: &Vault, rows: Vec<SealedCustomer>) -> Result<Vec<Customer>, Failure> {
    let opened = vault.open_all(rows).await;
    opened.map_err(|error| Failure::of("opening", &error))
}
