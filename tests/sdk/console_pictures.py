"""Makes the pictures of the console that stand in docs/guides/console.md, with invented people; scripts/screenshots runs it.

It fills the test store ENTRY of a fresh server and writes console-*.png to SCREENSHOT_DIR. FIRST_OWNER and AXE are as in
console_walk.py. Further settings: see support.py.
"""

import datetime
import os
import shutil
import tempfile
from pathlib import Path

from console_browser import Console, Way
from console_walk import OWNER, PASSWORD
from smaller_png import smaller
from support import Failed, equal, full_token, http, setting
from swagger_ui import start_browser

MOST_BYTES = 120_000
PEOPLE = (
    ("Mara", "Lindqvist", "Lindqvist Pottery", "SE", "wholesale"),
    ("Tomás", "Herrera", "", "ES", "press"),
    ("Ingrid", "Solheim", "Fjord Cafés", "NO", "wholesale"),
    ("Kofi", "Mensah", "", "GH", ""),
    ("Amélie", "Fournier", "Atelier Fournier", "FR", "press"),
    ("Daniel", "Okafor", "Okafor & Sons", "NG", "wholesale"),
    ("Yuki", "Tanaka", "", "JP", ""),
    ("Hannah", "Vogel", "Vogel Interiors", "DE", "VIP"),
    ("Luca", "Moretti", "", "IT", ""),
    ("Priya", "Raman", "Saffron Kitchen", "IN", "VIP"),
    ("Owen", "Pritchard", "", "GB", ""),
    ("Sofia", "Almeida", "Casa Almeida", "PT", "wholesale"),
    ("Jonas", "Petersen", "", "DK", ""),
    ("Nadia", "Benali", "", "FR", "press"),
)
# How much each paid by way of the shop, in their order, and how many days ago.
PAID = ((240, 1), (18.5, 2), (96, 2), (64.9, 4), (149, 6), (310, 8), (42, 9), (520, 12), (27.5, 15), (188, 16), (75, 20), (265, 23))
# How many days ago each came.
CAME = (28, 25, 25, 22, 20, 17, 17, 17, 12, 9, 9, 5, 2, 2)
SHEET = """First Name;Last Name;E-mail;Phone number;Town;Loyalty level;Customer since
Rosa;Keller;rosa.keller@example.test;+41 44 668 18 00;Zürich;Gold;2024-03-12
Emil;Novak;emil.novak@example.test;+420 224 103 111;Praha;Silver;2025-01-30
Grace;Adeyemi;grace.adeyemi@example.test;+234 1 280 9000;Lagos;Gold;2023-11-02
"""


def call(method, path, body=None):
    answer = http(method, f"/api{path}", full_token(), body)
    if answer.status not in (200, 201, 202):
        raise Failed(f"{method} {path} answers {answer.status}: {answer.text[:400]}")
    return answer.json()


def ago(days):
    return (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def email_of(first, last):
    plain = str.maketrans("áéèöüß", "aeeous")
    return f"{first}.{last}@example.test".lower().translate(plain)


def people_come(entry):
    ids = []
    for number, (first, last, company, country, label) in enumerate(PEOPLE):
        body = {
            "firstname": first,
            "lastname": last,
            "company": company,
            "email": email_of(first, last),
            "country": country,
            "labels": [label] if label else [],
            "phone": f"+46 8 505 501 {10 + number}",
            "createdAt": ago(CAME[number]),
        }
        ids.append(call("POST", f"/Customer/single/{entry}", body)["responseData"]["customerId"])
    paid = [
        {
            "source": "shop",
            "externalId": f"order-{1001 + number}",
            "customerId": ids[number],
            "status": "approved",
            "amount": amount,
            "currency": "USD",
            "fee": round(amount * 0.014 + 0.25, 2),
            "occurredAt": ago(days),
            "method": "card",
            "maskedAccount": f"•••• {4242 + number}",
        }
        for number, (amount, days) in enumerate(PAID)
    ]
    call("POST", f"/Transaction/{entry}", paid)
    return ids


def one_has_everything(customer):
    """The customer whose page is shown."""
    call("PUT", f"/Customer/{customer}", {"phone": "+46 8 505 501 17", "address": "Sveavägen 44", "zip": "111 34", "city": "Stockholm"})
    house = {"kind": "shipping", "name": "Workshop", "address": "Magasinsgatan 3", "zip": "411 18", "city": "Göteborg", "country": "SE"}
    call("POST", f"/Customer/{customer}/addresses", {**house, "isDefaultShipping": True})
    card = {"provider": "sandbox", "providerMethodId": "test-visa", "method": "card", "brand": "visa", "last4": "0001"}
    call("POST", f"/Customer/{customer}/methods", {**card, "expMonth": 12, "expYear": 2090, "holderName": "Mara Lindqvist"})
    lines = [{"description": "Stoneware plate, blue", "quantity": 24, "unitPrice": 14.5, "taxRate": 25}]
    call("POST", f"/Customer/{customer}/orders", {"lines": lines, "collect": "onAccount", "dueInDays": 14, "notify": False})
    call("POST", f"/Customer/{customer}/coupons", {"code": "SPRING-25", "percentOff": 25, "perCustomerLimit": 1})
    call("POST", f"/Customer/{customer}/comments", {"text": "Prefers deliveries on Tuesdays.", "pinned": True})


class Pictures:
    """The pictures, in the windows and looks of several browsers."""

    def __init__(self, folder, entry):
        self.folder = folder
        self.entry = entry

    def are_taken(self, way, begin, *pictures):
        profile = tempfile.mkdtemp(prefix="chromium-profile-")
        browser = start_browser(profile)
        try:
            console = Console(browser, self.folder, way, self.entry)
            begin(console)
            for name, open_page in pictures:
                open_page(console)
                self.take(console, name)
        finally:
            browser.quit()
            shutil.rmtree(profile, ignore_errors=True)

    def take(self, console, name):
        """What the window shows; the focus is drawn nowhere."""
        console.browser.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
        path = self.folder / f"console-{name}.png"
        console.cdp("Emulation.setScrollbarsHidden", hidden=True)
        console.browser.save_screenshot(str(path))
        path.write_bytes(smaller(path.read_bytes()))
        equal(f"{path.name} has at most {MOST_BYTES} bytes", path.stat().st_size <= MOST_BYTES, True)
        print(f"{path.name}: {path.stat().st_size} bytes")


def the_owner_begins(console):
    console.browser.get(Path(setting("FIRST_OWNER")).read_text().strip())
    console.fill({"Your name": "Olive Marsh", "E-mail": OWNER, "Password": PASSWORD, "The password again": PASSWORD})
    console.press("Begin")
    console.heading("Overview")


def the_owner_signs_in(console):
    console.sign_in(OWNER, PASSWORD)
    console.heading("Overview")


def at(path, heading=None):
    def open_page(console):
        console.at(path)
        if heading:
            console.heading(heading)

    return open_page


def a_store_with_a_look(console):
    """As an owner gives it one; the first start makes the entrypoint only."""
    console.at("/settings/look")
    console.fill({"Store name": "Harbour Pottery", "Colour": "#0f5c63"})
    console.press("Save")
    console.at()


def a_link_to_pay(customer):
    def open_page(console):
        console.at(f"/customers/{customer}/request-payment")
        console.fill({"Amount": "120.00", "What it is for": "Deposit for the autumn collection", "Card": True})
        console.press("Make the link")
        console.says("Send this link to the customer")

    return open_page


def a_sheet(folder):
    path = folder / "customers-of-the-old-shop.csv"
    path.write_text(SHEET)

    def open_page(console):
        console.at("/imports")
        console.put(console.page.find("input[type=file]"), path)
        if not console.page.all("table.sheet, .sheet"):
            console.eventually("the columns of the file", lambda: console.page.all(".sheet"))

    return open_page


def main():
    folder = Path(setting("SCREENSHOT_DIR"))
    folder.mkdir(parents=True, exist_ok=True)
    entry = os.environ.get("ENTRY", "harbour")
    customers = people_come(entry)
    one = customers[0]
    one_has_everything(one)
    pictures = Pictures(folder, entry)
    with tempfile.TemporaryDirectory() as files:
        light = Way(width=1280, dark=False, french=False, script=True)
        begin = lambda console: (the_owner_begins(console), a_store_with_a_look(console))  # noqa: E731
        pictures.are_taken(
            light,
            begin,
            ("overview", at("", "Overview")),
            ("customers", at("/customers", "Customers")),
            ("request-payment", a_link_to_pay(one)),
            ("customer", at(f"/customers/{one}")),
            ("import", a_sheet(Path(files))),
        )
    dark = Way(width=1280, dark=True, french=False, script=True)
    pictures.are_taken(dark, the_owner_signs_in, ("activity-dark", at("/activity", "Activity")))
    phone = Way(width=390, dark=False, french=False, script=True)
    pictures.are_taken(phone, the_owner_signs_in, ("customer-phone", at(f"/customers/{one}")))


if __name__ == "__main__":
    main()
