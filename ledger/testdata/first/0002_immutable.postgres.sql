-- A completed transfer and its entries never change: a mistake is corrected by another transfer.
CREATE FUNCTION ledger_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% never change once decided', TG_TABLE_NAME; END $$;
CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers FOR EACH ROW WHEN (old.state <> 'pending') EXECUTE FUNCTION ledger_never_changes();
CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers FOR EACH ROW EXECUTE FUNCTION ledger_never_changes();
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries FOR EACH ROW EXECUTE FUNCTION ledger_never_changes();
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries FOR EACH ROW EXECUTE FUNCTION ledger_never_changes();
