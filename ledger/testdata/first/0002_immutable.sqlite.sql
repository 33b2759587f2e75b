-- A completed transfer and its entries never change: a mistake is corrected by another transfer.
CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers WHEN old.state <> 'pending' BEGIN SELECT RAISE(ABORT, 'a decided transfer never changes'); END;
CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers BEGIN SELECT RAISE(ABORT, 'transfers are never deleted'); END;
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries never change'); END;
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
