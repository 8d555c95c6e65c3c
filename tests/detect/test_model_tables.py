"""A node that has models from before fleets gets the new columns, with what was there untouched."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Database
from lineshaft.detect.model_tables import labels, models, widen


def test_models_from_before_fleets_are_of_none(database: Database):
    with database.begin() as tx:
        tx.execute(sa.text("DROP TABLE IF EXISTS machine_model"))
        columns = [column for column in models.columns if column.name not in ("fleet", "together")]
        old = sa.Table(
            "machine_model", sa.MetaData(), *(sa.Column(one.name, one.type, primary_key=one.primary_key) for one in columns)
        )
        old.create(tx)
        given = {
            "id": "1",
            "version": 1,
            "name": "pump",
            "asset": "A",
            "properties": [],
            "settings": {},
            "every": 1,
            "lookback": 1,
        }
        tx.execute(old.insert().values(**given, retrain=0, promote="by hand", failure_mode="", created=1, by="eva"))
        widen(tx)
        widen(tx)
        row = tx.execute(sa.select(models)).mappings().one()
        assert (row["name"], row["fleet"], row["together"]) == ("pump", "", False)
        assert sa.inspect(tx).has_table(labels.name)
