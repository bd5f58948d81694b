"""DOKU's page: a customer with every field and several labels; a sheet that is imported; a customer who is found and edited."""

import csv
import io
import re

from selenium.webdriver.common.keys import Keys

from console_browser import flat
from support import RUN, equal, true

ROWS = 1500


def walk(console):
    a_full_name_is_asked_for(console)
    a_customer_with_every_field_is_added(console)
    the_sheet_is_tried_and_imported(console)
    a_sheet_with_other_names_is_mapped(console)
    the_imports_are_listed(console)
    a_customer_is_found_and_edited(console)


def address_of(console, name):
    return f"{name}.{console.entry}.{RUN}@example.test"


def local(console, english, french):
    """A text that stands in no list of texts, such as the name of a country."""
    return french if console.way.french else english


def a_full_name_is_asked_for(console):
    """The one field that a customer of DOKU cannot be without."""
    console.menu("Settings")
    console.follow("Identifiers", console.within("nav.tabs"))
    console.fill({"Full name": True}, console.group("Required of a new customer"))
    console.looks("required-fields")
    console.press("Save", console.within("main"))
    console.says("Saved.")


def a_customer_with_every_field_is_added(console):
    console.menu("Customers")
    console.heading("Customers")
    console.follow("New customer", console.within("main"))
    console.fill({"Phone": "12"}, console.group("How to reach them"))
    true("the full name is required", console.field("Full name").get_attribute("required"))
    # The browser keeps a form without what is required, so a blank comes as far as the service.
    console.field("Full name").send_keys(" ")
    console.press("Create customer")
    console.says("Please check the following")
    true("the full name has its problem", console.field("Full name").get_attribute("aria-invalid") == "true")
    true("the phone has its problem", console.field("Phone").get_attribute("aria-invalid") == "true")
    console.looks("customer-refused")
    fill_every_field(console)
    console.looks("customer-filled-in")
    console.press("Create customer")
    console.heading_is("Budi Santoso")
    console.says("Created.")
    every_field_is_shown(console)
    console.looks("customer")


def fill_every_field(console):
    indonesia = local(console, "Indonesia", "Indonésie")
    console.fill(
        {
            "First name": "Budi",
            "Last name": "Santoso",
            "Company": "Toko Melati",
            "Customer number": "REF-1001",
            "Full name": "Budi Santoso",
            "Date of birth": "1990-08-24",
        },
        console.group("Who it is"),
    )
    console.fill({"E-mail": address_of(console, "budi"), "Phone": "+62 21 5555 0117"}, console.group("How to reach them"))
    console.fill(
        {
            "Street": "Jalan Melati 7",
            "Second line": "Lantai 2",
            "Postal code": "10110",
            "City": "Jakarta",
            "State or province": "DKI Jakarta",
            "Country": indonesia,
        },
        console.group("Billing address"),
    )
    console.fill(
        {
            "Street": "Jalan Kenanga 3",
            "Second line": "Gudang B",
            "Postal code": "40111",
            "City": "Bandung",
            "State or province": "Jawa Barat",
            "Country": indonesia,
        },
        console.group("Shipping address"),
    )
    own = console.group("Your own fields")
    console.fill({"Name of the field": "Branch", "Value": "Menteng"}, own)
    console.fill({"Labels": "vip, retail, newsletter"}, console.group("Labels"))
    console.fill({"Portal login": f"budi-{console.entry}"}, console.group("Portal and consent"))
    more = console.group("More")
    console.fill({"Balance": "12.5", "Hours from UTC": "7", "Customer since": "2024-05-06"}, more)
    console.fill({"Other system": "shop", "Its id of the customer": "S-77"}, more)


def every_field_is_shown(console):
    profile = console.within("section[aria-labelledby=t-profile]")
    expected = {
        "E-mail": address_of(console, "budi"),
        "Phone": "+622155550117",
        "First name": "Budi",
        "Last name": "Santoso",
        "Full name": "Budi Santoso",
        "Company": "Toko Melati",
        "Customer number": "REF-1001",
        "Portal login": f"budi-{console.entry}",
        "Date of birth": local(console, "24 August 1990", "24 août 1990"),
        "Time zone": "UTC+7",
    }
    for name, value in expected.items():
        equal(name, console.fact(name, profile), value)
    equal("the own field", console.facts(profile)["Branch"], "Menteng")
    true("the balance", "12" in (console.fact("Balance", profile) or ""))
    chips = [flat(chip.text) for chip in console.page.all("#labels .badge")]
    equal("the labels", sorted(chips), ["newsletter", "retail", "vip"])
    for text in ("Jalan Melati 7", "Lantai 2", "10110 Jakarta", "DKI Jakarta", "Jalan Kenanga 3", "40111 Bandung", "S-77"):
        true(f"the page does not show {text}", console.holds(text))


def the_sheet_is_tried_and_imported(console):
    console.menu("Imports")
    console.heading("Imports")
    console.looks("imports-none")
    template = console.download("Download the template", console.within("main"))
    sheet = filled_in(console, template)
    if console.way.script:
        console.key_leads("n", "New import")
    else:
        console.follow("New import", console.within("main"))
    console.looks("import-new")
    choose(console, sheet)
    console.says("Ardi 1")
    console.looks("import-sheet")
    send(console, sheet)
    over(console)
    console.says("This was a dry run: nothing was written. Look at the report, then do it for real.")
    equal("rows read", digits(console.fact("Rows read")), ROWS + 4)
    equal("new customers", digits(console.fact("New customers")), ROWS)
    equal("known", digits(console.fact("Known already")), 1)
    equal("rejected", digits(console.fact("Rejected")), 3)
    console.looks("import-tried")
    console.menu("Customers")
    equal("customers after a dry run", len(console.page.all("#list tbody tr")), 1)
    console.browser.back()
    console.press("Import for real")
    console.says("Follows the dry run")
    console.picture(f"import-running-{console.way}")
    over(console)
    equal("new customers", digits(console.fact("New customers")), ROWS)
    console.looks("import-done")
    rejected_rows_are_shown(console)


def filled_in(console, template):
    """The template with rows of our own: good ones, one of a customer who is there, and three that are wrong."""
    header = next(csv.reader(io.StringIO(template.read_text(encoding="utf-8-sig"))))
    rows = [
        {"fullname": f"Ardi {n}", "email": address_of(console, f"ardi{n}"), "country": "Indonesia", "labels": "import;retail"}
        for n in range(1, ROWS + 1)
    ]
    rows[0] |= {"phone": "+622155550118", "birthday": "24-08-1991", "city": "Bandung", "customerNumber": "REF-2001"}
    rows.append({"fullname": "Budi Santoso", "email": address_of(console, "budi")})
    rows.append({"fullname": "Sari Dewi", "email": address_of(console, "sari"), "birthday": "31-02-1990"})
    rows.append({"fullname": "Citra Lestari", "email": "citra@@example.test"})
    rows.append({"email": address_of(console, "nobody")})
    sheet = template.parent / f"customers-{console.entry}.csv"
    with sheet.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return sheet


def choose(console, sheet):
    """Chooses a file. With script its columns come at once."""
    first = console.group("1. Choose a file")
    console.fill({"File": sheet}, first)
    if not console.way.script:
        console.press("Show its columns", first)


def send(console, sheet):
    form = console.group("2. Check its columns and send it")
    if not console.way.script:
        console.fill({"File": sheet}, form)
    console.press("Send the file", form)


def over(console):
    """Waits until the import is finished: the page says so by itself with script, and when it is loaded again without."""
    words = console.words("Finished")
    is_over = lambda: flat(console.page.find("main .head .badge").text) in words  # noqa: E731
    console.eventually("the import is finished", is_over)


def digits(text):
    return int(re.sub(r"\D", "", text or "") or 0)


def rejected_rows_are_shown(console):
    console.follow("Report by row", console.within("main"))
    console.follow("Rejected", console.within("nav.tabs"))
    lines = [row[0] for row in console.rows()]
    equal("lines", [digits(line) for line in lines], [ROWS + 3, ROWS + 4, ROWS + 5])
    console.looks("import-rejected")
    console.browser.back()
    console.browser.back()
    file = console.download("Rejected rows as a file", console.within("main"))
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    equal("names of rejected rows", [row["fullname"] for row in rows], ["Sari Dewi", "Citra Lestari", ""])


def a_sheet_with_other_names_is_mapped(console):
    """Semicolons, other names of columns, one column to map by hand and one to leave out."""
    sheet = console.page.screenshots / f"other-{console.entry}.csv"
    sheet.write_text(
        "Full Name;E-mail;Birthday;Label;Segment;Remark\r\n"
        f"Sari Dewi;{address_of(console, 'sari')};28-02-1990;retail|import;Gold;called twice\r\n"
        f"Citra Lestari;{address_of(console, 'citra')};;retail;Silver;\r\n",
        encoding="utf-8",
    )
    console.menu("Imports")
    console.follow("New import", console.within("main"))
    choose(console, sheet)
    console.says("Sari Dewi")
    console.put(filled_by(console, "Segment"), "additional-segment")
    equal("what fills nothing", filled_by(console, "Remark").get_property("value"), "")
    equal("what is known", filled_by(console, "E-mail").get_property("value"), "email")
    form = console.group("2. Check its columns and send it")
    console.fill({"Dry run first: write nothing, show what would happen": False}, form)
    console.looks("import-mapped")
    send(console, sheet)
    over(console)
    equal("new customers", digits(console.fact("New customers")), 2)
    true("the column that is left out", console.holds("Remark"))
    console.looks("import-mapped-done")


def filled_by(console, header):
    """The field of the sheet that says what a column fills."""
    names = {f"{word} {header}" for word in console.words("Fills")}
    found = lambda: next((e for e in console.page.all("table.sheet input") if e.accessible_name in names), None)  # noqa: E731
    return console.page.wait(f"the field of the column {header}", found)


def the_imports_are_listed(console):
    console.menu("Imports")
    rows = console.rows(console.within("main table"))
    equal("imports", len(rows), 3)
    true(f"the newest import stands first: {rows}", digits(rows[0][4]) == 2)
    console.looks("imports")


def a_customer_is_found_and_edited(console):
    console.menu("Customers")
    search(console, "sari")
    console.looks("search")
    console.follow("Sari Dewi", console.within("#list"))
    console.heading_is("Sari Dewi")
    equal("the mapped field", console.facts()["segment"], "Gold")
    console.follow("Edit", console.within("main .head"))
    console.fill({"Phone": "+62 21 5555 0119", "Company": "Toko Dewi"})
    console.fill({"City": "Surabaya"})
    console.looks("edit")
    console.press("Save", console.within("main"))
    console.says("Saved.")
    equal("the phone", console.fact("Phone"), "+622155550119")
    timeline = console.within("#timeline")
    console.fold("What changed", timeline)
    changes = flat(console.within("#timeline").text)
    for text in ("+622155550119", "Toko Dewi", "Surabaya", "Olive Marsh"):
        true(f"the timeline does not show {text}: {changes}", text in changes)
    console.looks("edited")


def search(console, text):
    """Searches as one types with script, with Enter without."""
    if console.way.script:
        console.keys("/")
        field = console.page.find("#list-search")
        equal("the focus", console.focused(), field)
        console.keys(text)
        console.page.wait("one customer", lambda: len(console.page.all("#list tbody tr")) == 1)
    else:
        console.put(console.page.find("#list-search"), text)
        console._leave(lambda: console.keys(Keys.ENTER))
        equal("found", len(console.page.all("#list tbody tr")), 1)
