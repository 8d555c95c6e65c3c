"""Fill an empty Tryton database: run by Tryton's own interpreter as `python tryton_setup.py CONFIG KEYFILE`."""

import datetime as dt
import sys
from decimal import Decimal
from pathlib import Path

from proteus import Model, config
from trytond.modules.account.tests.tools import create_chart, get_accounts
from trytond.modules.company.tests.tools import create_company
from trytond.modules.currency.tests.tools import get_currency


def main(configuration: str, key_file: str) -> None:
    setup = config.set_trytond("plant", user="admin", config_file=configuration)
    create_company(currency=get_currency("EUR"))
    create_chart()
    supplier = Model.get("party.party")(name="Kugel & Sohn")
    supplier.save()
    settings = Model.get("purchase.configuration")(1)
    settings.supply_period = dt.timedelta(days=30)
    settings.save()
    category = Model.get("product.category")(name="Spares", accounting=True, account_expense=get_accounts()["expense"])
    category.save()
    unit = Model.get("product.uom").find([("name", "=", "Unit")])[0]
    for name, code, price in (("Deep groove ball bearing 6205", "BRG-6205", "24.50"), ("Shaft seal 25x42", "SEAL-25", "3.20")):
        bearing = Model.get("product.template")(name=name, default_uom=unit, type="goods", list_price=Decimal(30))
        bearing.purchasable, bearing.account_category = True, category
        bearing.save()
        product = bearing.products[0]
        product.suffix_code = code
        product.save()
        source = Model.get("purchase.product_supplier")(template=bearing, party=supplier, lead_time=dt.timedelta(days=3))
        source.save()
        line = source.prices.new()
        line.quantity, line.unit_price = 1, Decimal(price)
        source.save()
    application = Model.get("res.user.application")(application="rest")
    application.user = Model.get("res.user")(setup.user)
    application.save()
    Path(key_file).write_text(application.key, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
