//! One life of the shop. Owns what happens when; keeps shop and stream in step.

use std::path::Path;

use fieldseal_model::Operation;

use super::Scenario;
use super::journal::{Journal, Transaction};
use super::stream::{Event, Flaw, Stream};
use crate::rng::Rng;
use crate::shop::{self, Cell, People, Row, Shop, Table, customer, order};
use crate::steps::Steps;
use crate::{DemoError, Told, Truth};

/// Customers with these ids take part in the set pieces only.
const CAST: u64 = 8;

/// One load in this many is on its way too long.
const LATE: u64 = 50;

/// While the shop is loaded, one change comes after so many customers.
const LOADS_PER_CHANGE: u64 = 5;

pub(super) struct Story<'a> {
    /// How many rows the shop opens with.
    customers: u64,
    orders: u64,
    shop: Shop,
    people: People,
    rng: Rng,
    journal: Journal,
    stream: Stream,
    /// Loads that will arrive late, with what they saw.
    late: Vec<(Table, u64, Row)>,
    /// Ids of customers that are gone and may come again.
    gone: Vec<u64>,
    /// Of rows made, rows loaded, and random changes; the few others are passed over.
    steps: Steps<'a>,
}

impl<'a> Story<'a> {
    /// About a shop that opens with `rows` rows, to which `changes` happen when it is loaded.
    pub(super) fn create(
        dir: &Path,
        seed: u64,
        rows: u64,
        changes: u64,
        told: Told<'a>,
    ) -> Result<Self, DemoError> {
        let orders = rows / 2;
        let customers = rows - orders;
        // Each table is asked for as many rows as there are customers, the larger number.
        let tables = Table::ALL.len() as u64;
        let steps = rows + tables * customers + customers / LOADS_PER_CHANGE + changes;
        Ok(Self {
            customers,
            orders,
            shop: Shop::default(),
            people: People::new(),
            rng: Rng::new(seed),
            journal: Journal::new(),
            stream: Stream::create(dir)?,
            late: Vec::new(),
            gone: Vec::new(),
            steps: Steps::new(steps, told),
        })
    }

    /// What the shop holds before DMS looks at it.
    pub(super) fn open_shop(&mut self) {
        for id in 1..=self.customers {
            let row = self.people.customer(&mut self.rng);
            self.shop.put(Table::Customers, id, row);
            self.steps.advance(1);
        }
        for id in 1..=self.orders {
            let buyer = 1 + self.rng.below(self.customers);
            let row = People::order(&mut self.rng, buyer);
            self.shop.put(Table::Orders, id, row);
            self.steps.advance(1);
        }
    }

    pub(super) fn announce(&mut self, table: Table) -> Result<(), DemoError> {
        let (drop, create) = (
            self.journal.now(&mut self.rng),
            self.journal.now(&mut self.rng),
        );
        self.stream.announce(table, [&drop, &create])
    }

    /// The full load of both tables side by side, with a change after every tenth row.
    pub(super) fn load_while_changing(&mut self) -> Result<(), DemoError> {
        let end = self
            .shop
            .next_id(Table::Customers)
            .max(self.shop.next_id(Table::Orders));
        for id in 1..end {
            for table in Table::ALL {
                self.load(table, id)?;
                self.steps.advance(1);
            }
            if id.is_multiple_of(LOADS_PER_CHANGE) {
                self.random_change()?;
            }
        }
        // Rows that came during the load: DMS's SELECT sees some of them.
        for table in Table::ALL {
            for id in end..self.shop.next_id(table) {
                if self.rng.once_in(2) {
                    self.load(table, id)?;
                }
            }
        }
        self.rotate();
        Ok(())
    }

    /// Any `count` changes, some of them sent twice.
    pub(super) fn change(&mut self, count: u64) -> Result<(), DemoError> {
        for number in 1..=count {
            self.random_change()?;
            if number.is_multiple_of(500) || number == count {
                self.stream.repeat()?;
            }
        }
        self.rotate();
        Ok(())
    }

    /// What every run shows, whatever the seed. The loads of all the cast arrive in the end.
    pub(super) fn set_pieces(&mut self) -> Result<(), DemoError> {
        // Deleted, and here again under the old id.
        self.delete(Table::Customers, 1)?;
        let again = self.people.customer(&mut self.rng);
        self.insert(Table::Customers, 1, again)?;
        // Another id, then the old one taken by somebody else, and another id once more.
        for id in [2, 3] {
            self.change_key(id)?;
        }
        let heir = self.people.customer(&mut self.rng);
        self.insert(Table::Customers, 3, heir)?;
        // Deleted for good.
        self.delete(Table::Customers, 4)?;
        // A record that breaks off, and one with a column nobody has decided about; in both
        // cases the row's next change tells everything.
        for (id, flaw) in [
            (5, Flaw::CutOff),
            (6, Flaw::Unlisted("C01X00T47-4711-0815")),
        ] {
            self.edit_customer(id, flaw)?;
            self.edit_customer(id, Flaw::None)?;
        }
        // Sent twice, with a newer change between.
        self.edit_customer(7, Flaw::None)?;
        self.edit_customer(7, Flaw::None)?;
        self.stream.repeat()?;
        // Forgotten: everything that may be NULL is.
        self.update(Table::Customers, 8, Flaw::None, |_, _, row| {
            for at in [
                customer::EMAIL,
                customer::PHONE,
                customer::ADDRESS,
                customer::NOTES,
            ] {
                row[at] = Cell::Null;
            }
        })?;
        self.rotate();
        Ok(())
    }

    /// The loads that were held up, behind everything that happened since.
    pub(super) fn load_late(&mut self) -> Result<(), DemoError> {
        for (table, id, row) in std::mem::take(&mut self.late) {
            self.write_load(table, id, &row)?;
        }
        Ok(())
    }

    pub(super) fn end(self) -> Result<Scenario, DemoError> {
        let (needles, records) = self.stream.end()?;
        Ok(Scenario {
            truth: Truth::of(&self.shop),
            quarantined: 2,
            records,
            needles,
        })
    }

    /// Loads a row as it is now, if it is.
    fn load(&mut self, table: Table, id: u64) -> Result<(), DemoError> {
        let Some(row) = self.shop.get(table, id).cloned() else {
            return Ok(());
        };
        let cast = table == Table::Customers && id <= CAST;
        if cast || self.rng.once_in(LATE) {
            self.late.push((table, id, row));
            return Ok(());
        }
        self.write_load(table, id, &row)
    }

    fn write_load(&mut self, table: Table, id: u64, row: &[Cell]) -> Result<(), DemoError> {
        let event = Event {
            operation: Operation::Load,
            table,
            id,
            row,
            before: None,
            flaw: Flaw::None,
        };
        let stamp = self.journal.now(&mut self.rng);
        self.stream.row(&event, &stamp, None)
    }

    fn random_change(&mut self) -> Result<(), DemoError> {
        self.steps.advance(1);
        match self.rng.below(100) {
            0..40 => match self.random_customer() {
                Some(id) => self.edit_customer(id, Flaw::None),
                None => Ok(()),
            },
            40..55 => self.edit_order(),
            55..70 => self.place_order(),
            70..80 => {
                let id = self.shop.next_id(Table::Customers);
                let row = self.people.customer(&mut self.rng);
                self.insert(Table::Customers, id, row)
            }
            80..87 => match self.random_id(Table::Orders) {
                Some(id) => self.delete(Table::Orders, id),
                None => Ok(()),
            },
            87..93 => match self.random_customer() {
                Some(id) => self.delete(Table::Customers, id),
                None => Ok(()),
            },
            93..97 => self.return_customer(),
            _ => match self.random_customer() {
                Some(id) => self.change_key(id),
                None => Ok(()),
            },
        }
    }

    fn random_id(&mut self, table: Table) -> Option<u64> {
        let from = self.rng.below(self.shop.next_id(table));
        self.shop.id_near(table, from)
    }

    fn random_customer(&mut self) -> Option<u64> {
        self.random_id(Table::Customers).filter(|id| *id > CAST)
    }

    fn edit_customer(&mut self, id: u64, flaw: Flaw) -> Result<(), DemoError> {
        self.update(Table::Customers, id, flaw, |rng, people, row| {
            row[customer::POINTS] = shop::points(rng);
            match rng.below(4) {
                0 => row[customer::EMAIL] = people.email(rng),
                1 => row[customer::PHONE] = shop::phone(rng),
                2 => row[customer::ADDRESS] = shop::address(rng),
                _ => row[customer::NOTES] = shop::notes(rng),
            }
        })
    }

    fn edit_order(&mut self) -> Result<(), DemoError> {
        let Some(id) = self.random_id(Table::Orders) else {
            return Ok(());
        };
        self.update(Table::Orders, id, Flaw::None, |rng, _, row| {
            row[order::STATUS] = shop::status(rng);
            row[order::SHIPPING_NOTE] = shop::notes(rng);
        })
    }

    /// One transaction over two tables: an order, and its buyer's points.
    fn place_order(&mut self) -> Result<(), DemoError> {
        let Some(buyer) = self.random_customer() else {
            return Ok(());
        };
        let id = self.shop.next_id(Table::Orders);
        let row = People::order(&mut self.rng, buyer);
        let mut transaction = self.begin();
        self.put(
            &mut transaction,
            Operation::Insert,
            Table::Orders,
            id,
            row,
            Flaw::None,
        )?;
        if let Some(mut row) = self.shop.get(Table::Customers, buyer).cloned() {
            row[customer::POINTS] = shop::points(&mut self.rng);
            self.put(
                &mut transaction,
                Operation::Update,
                Table::Customers,
                buyer,
                row,
                Flaw::None,
            )?;
        }
        Ok(())
    }

    /// A customer who was deleted comes again, or comes under the id of another.
    fn return_customer(&mut self) -> Result<(), DemoError> {
        match self.gone.pop() {
            Some(id) if self.shop.get(Table::Customers, id).is_none() => {
                let row = self.people.customer(&mut self.rng);
                self.insert(Table::Customers, id, row)
            }
            _ => Ok(()),
        }
    }

    fn insert(&mut self, table: Table, id: u64, row: Row) -> Result<(), DemoError> {
        let mut transaction = self.begin();
        self.put(
            &mut transaction,
            Operation::Insert,
            table,
            id,
            row,
            Flaw::None,
        )
    }

    fn update(
        &mut self,
        table: Table,
        id: u64,
        flaw: Flaw,
        edit: impl FnOnce(&mut Rng, &mut People, &mut Row),
    ) -> Result<(), DemoError> {
        let Some(mut row) = self.shop.get(table, id).cloned() else {
            return Ok(());
        };
        edit(&mut self.rng, &mut self.people, &mut row);
        let mut transaction = self.begin();
        self.put(&mut transaction, Operation::Update, table, id, row, flaw)
    }

    /// Inserts or updates a row under its own id, in shop and stream.
    fn put(
        &mut self,
        transaction: &mut Transaction,
        operation: Operation,
        table: Table,
        id: u64,
        row: Row,
        flaw: Flaw,
    ) -> Result<(), DemoError> {
        let old = self.shop.get(table, id).cloned();
        let event = Event {
            operation,
            table,
            id,
            row: &row,
            before: old.as_deref().map(|old| (id, old)),
            flaw,
        };
        self.write_change(&event, transaction)?;
        self.shop.put(table, id, row);
        Ok(())
    }

    /// Gives a customer the next free id.
    fn change_key(&mut self, id: u64) -> Result<(), DemoError> {
        let new = self.shop.next_id(Table::Customers);
        let Some(row) = self.shop.remove(Table::Customers, id) else {
            return Ok(());
        };
        let event = Event {
            operation: Operation::Update,
            table: Table::Customers,
            id: new,
            row: &row,
            before: Some((id, &row)),
            flaw: Flaw::None,
        };
        let mut transaction = self.begin();
        self.write_change(&event, &mut transaction)?;
        self.shop.put(Table::Customers, new, row);
        self.gone.push(id);
        Ok(())
    }

    /// A delete brings the whole old row, as MySQL's binlog does.
    fn delete(&mut self, table: Table, id: u64) -> Result<(), DemoError> {
        let Some(row) = self.shop.remove(table, id) else {
            return Ok(());
        };
        let event = Event {
            operation: Operation::Delete,
            table,
            id,
            row: &row,
            before: None,
            flaw: Flaw::None,
        };
        let mut transaction = self.begin();
        self.write_change(&event, &mut transaction)?;
        if table == Table::Customers && id > CAST {
            self.gone.push(id);
        }
        Ok(())
    }

    fn write_change(
        &mut self,
        event: &Event<'_>,
        transaction: &mut Transaction,
    ) -> Result<(), DemoError> {
        let order = self.journal.record(transaction, &mut self.rng);
        let stamp = self.journal.now(&mut self.rng);
        self.stream.row(event, &stamp, Some(&order))
    }

    fn begin(&mut self) -> Transaction {
        let (transaction, new_file) = self.journal.begin();
        if new_file {
            self.stream.forget();
        }
        transaction
    }

    fn rotate(&mut self) {
        self.journal.rotate();
        self.stream.forget();
    }
}
