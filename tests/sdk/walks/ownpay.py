"""OwnPay's page: figures, search by name, e-mail and phone, totals, all that a customer owes and paid, many customers at once,
staff who see masks, and a customer who cannot be deleted while money is open."""

import csv
import io
import re

from selenium.webdriver.common.keys import Keys

from console_browser import flat
from support import RUN, entrypoint, equal, full_token, http, server_url, true

PASSWORD = "harbour-violet-73"
OWNER, OWNERS_PASSWORD = "olive@example.test", "quartz-meadow-58"
PEOPLE = (
    ("Amira", "Khan", "+880 1711 555017", "+8801711555017"),
    ("Bashir", "Das", "+880 1711 555018", "+8801711555018"),
    ("Farah", "Noor", "+880 1711 555019", "+8801711555019"),
)


def walk(console):
    customers_are_added(console)
    amira_is_invoiced_and_pays(console)
    the_overview_has_the_figures(console)
    everybody_is_found(console)
    the_list_shows_what_is_chosen(console)
    the_list_is_worked_with_keys(console)
    all_of_a_customer_is_seen(console)
    many_are_changed_at_once(console)
    a_view_is_kept(console)
    links = staff_are_invited(console)
    the_viewer_sees_masks(console, links["viewer"])
    the_agent_edits_and_does_not_delete(console, links["agent"])
    a_customer_who_owes_is_not_deleted(console)


def address_of(console, name):
    return f"{name.lower()}.{console.entry}.{RUN}@example.test"


# Customers and their money.


def customers_are_added(console):
    console.says("Begin here")
    console.looks("overview-begin")
    for number, (first, last, phone, _) in enumerate(PEOPLE):
        console.menu("Customers")
        if console.way.script and number:
            console.key_leads("n", "New customer")
        else:
            console.follow("New customer", console.within("main"))
        console.fill({"First name": first, "Last name": last})
        console.fill({"E-mail": address_of(console, first), "Phone": phone})
        console.press("Create customer")
        console.heading_is(f"{first} {last}")
    somebody_alike_is_noticed(console)


def somebody_alike_is_noticed(console):
    """The matcher says who is there already, before anything is sent with script, and after it without."""
    console.menu("Customers")
    console.follow("New customer", console.within("main"))
    console.fill({"Last name": "Noor", "E-mail": address_of(console, "Farah")})
    if console.way.script:
        console.says("This looks like …")
        console.page.wait("the name", lambda: console.page.find("#alike a").text == "Farah Noor")
        console.looks("wizard-alike")
    console.press("Create customer")
    console.page.wait("who exists", lambda: "Farah Noor" in console.page.find(".note.warn").text)
    console.looks("wizard-exists")
    console.follow("Open", console.within(".note.warn"))
    console.heading_is("Farah Noor")


def amira_is_invoiced_and_pays(console):
    open_customer(console, "Amira Khan")
    new_invoice(console, "Setup", "1200.00")
    console.fold("Record a payment", console.within("main"))
    console.looks("invoice-pay")
    console.press("Record a payment", console.within("main"))
    console.says("The payment is recorded.")
    console.says("Paid")
    console.looks("invoice-paid")
    open_customer(console, "Amira Khan")
    new_invoice(console, "Support", "40.50")
    open_customer(console, "Bashir Das")
    console.follow("Record a payment", console.within("#payments"))
    console.fill({"Amount": "75.25"})
    console.looks("payment-record")
    console.press("Record a payment", console.within("main"))
    console.says("The payment is recorded.")


def open_customer(console, name):
    console.menu("Customers")
    console.follow(name, console.within("#list"))
    console.heading_is(name)


def new_invoice(console, what, price):
    console.follow("New invoice", console.within("#invoices"))
    line = console.page.find("fieldset.line")
    console.fill({"Name": what, "Quantity": "1", "Price": price}, line)
    console.looks(f"invoice-{what.lower()}")
    console.press("Save and issue", sure=True)
    console.says("Issued. From now on only payments change it.")


def the_overview_has_the_figures(console):
    console.menu("Overview")
    figures = console.within("dl.figures")
    equal("customers", console.fact("Customers", figures), "3")
    equal("new customers", console.fact("New in 30 days", figures), "3")
    gross = [value for name, value in console.facts(figures).items() if name.startswith(tuple(console.words("Gross")))]
    equal("the money", gross, [console.money("1,275.25")])
    console.says("Open invoices")
    console.looks("overview")


# The list.


def found(console):
    return [flat(link.text) for link in console.page.all("#list td.name a")]


def look_for(console, text, names):
    """Searches as one types with script, with Enter without."""
    if console.way.script and console.focused().tag_name == "body":
        console.keys("/")
        equal("the focus", console.focused(), console.page.find("#list-search"))
    console.put(console.page.find("#list-search"), text)
    if not console.way.script:
        console._leave(lambda: console.keys(Keys.ENTER))
    console.page.wait(f"{names} for {text!r}", lambda: found(console) == names)


def everybody_is_found(console):
    console.menu("Customers")
    equal("everybody, the newest first", found(console), ["Farah Noor", "Bashir Das", "Amira Khan"])
    console.looks("customers")
    look_for(console, "bashir", ["Bashir Das"])
    look_for(console, address_of(console, "Amira"), ["Amira Khan"])
    console.looks("customers-by-email")
    look_for(console, "01711 555019", ["Farah Noor"])
    look_for(console, "+880 1711-555017", ["Amira Khan"])
    look_for(console, "nobody of this name", [])
    console.says("Nobody matches")
    console.looks("customers-no-match")


def the_list_shows_what_is_chosen(console):
    console.menu("Customers")
    rows = {row[1].split(" #")[0]: row for row in console.rows(console.within("#list"))}
    amira = rows["Amira Khan"]
    true(f"e-mail and phone of {amira}", address_of(console, "Amira") in amira and PEOPLE[0][3] in amira)
    true(f"what {amira} spent", console.money("1,200.00") in amira and "1" in amira)
    true(f"what {rows['Bashir Das']} spent", console.money("75.25") in rows["Bashir Das"])
    true(f"when {amira} was added", re.search(r"\b20\d\d\b", amira[-1]))
    sort(console, "Total spent")
    equal("by what they spent", found(console), ["Amira Khan", "Bashir Das", "Farah Noor"])
    sort(console, "Name")
    names = found(console)
    sort(console, "Name")
    equal("the other way round", found(console), names[::-1])
    console.fold("Columns and order")
    columns = console.within("#filters")
    console.fill({"Labels": True, "Last transaction": True, "Phone": False}, columns)
    if not console.way.script:
        console.press("Search", columns)
    heads = {text for text in console.words("Last transaction")}
    console.page.wait("the chosen columns", lambda: heads & {flat(one.get_attribute("textContent")) for one in console.page.all("#list th")})
    console.looks("customers-columns")


def sort(console, column):
    console.press(column, console.within("#list thead"))


def the_list_is_worked_with_keys(console):
    console.menu("Customers")
    if not console.way.script:
        return
    names = found(console)
    console.keys("j", "j")
    selected = console.page.find("#list tr[aria-selected=true] a")
    equal("the row", flat(selected.text), names[1])
    console.looks("customers-row")
    console.keys("k")
    console._leave(lambda: console.keys(Keys.ENTER))
    console.heading_is(names[0])
    console.menu("Customers")
    console.keys("?")
    console.page.wait("the shortcuts", lambda: console.page.find("dialog#shortcuts[open]"))
    console.looks("shortcuts")
    console.keys(Keys.ESCAPE)
    console.page.wait("no dialog", lambda: not console.page.all("dialog[open]"))
    console.key_leads("n", "New customer")


def all_of_a_customer_is_seen(console):
    open_customer(console, "Amira Khan")
    equal("what is paid", console.fact("Paid"), console.money("1,200.00"))
    equal("what is open", console.fact("Open invoices"), console.money("40.50"))
    console.looks("customer")
    see_all(console, "#payments")
    console.heading("Payments")
    equal("payments", len(console.rows(console.within("main table"))), 1)
    console.looks("payments-of-customer")
    open_customer(console, "Amira Khan")
    see_all(console, "#invoices")
    console.heading("Invoices")
    equal("invoices", len(console.rows(console.within("main table"))), 2)
    console.looks("invoices-of-customer")


def see_all(console, card):
    """Follows "See all (2)" below a card."""
    words = tuple(console.words("See all"))
    console.follow_to(next(link for link in console.page.all(f"{card} a") if flat(link.text).startswith(words)))


# Many at once.


def choose(console, *names):
    for name in names:
        boxes = {f"{word} {name}" for word in console.words("Choose")}
        box = next(one for one in console.page.all("#list td.tick input") if one.accessible_name in boxes)
        console.put(box, True)


def many_are_changed_at_once(console):
    console.menu("Customers")
    choose(console, "Farah Noor", "Bashir Das")
    many = console.group("With the chosen customers")
    console.put(console.page.find("#bulk-label"), "wholesale")
    console.looks("customers-chosen")
    console.press("Add label", many)
    console.heading("Change of labels")
    words = console.words("Finished")
    console.eventually("the labels are added", lambda: any(word in flat(console.page.find("main").text) for word in words))
    console.looks("labels-added")
    console.menu("Customers")
    choose(console, "Farah Noor", "Bashir Das")
    file = console.download("Export CSV", console.group("With the chosen customers"))
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    equal("exported", sorted(row["Email"] for row in rows), sorted(address_of(console, name) for name in ("Bashir", "Farah")))
    console.press("Archive", console.group("With the chosen customers"))
    console.says("Archived.")
    choose(console, "Farah Noor")
    console.press("Take out of the archive", console.group("With the chosen customers"))
    console.says("Out of the archive.")


def a_view_is_kept(console):
    console.menu("Customers")
    filters = console.within("#filters")
    console.fill({"Stage": "Archived"}, filters)
    if not console.way.script:
        console.press("Search", filters)
    console.page.wait("who is archived", lambda: found(console) == ["Bashir Das"])
    console.fold("Save as a view")
    filters = console.within("#filters")
    console.fill({"Name of the view": "Sleeping"}, filters)
    console.press("Save", filters)
    equal("the view", flat(console.page.find("nav.tabs [aria-current]").text), "Sleeping")
    equal("whom it shows", found(console), ["Bashir Das"])
    console.looks("view")
    console.follow("Everybody", console.within("nav.tabs"))
    equal("everybody", len(found(console)), 3)
    console.follow("Sleeping", console.within("nav.tabs"))
    equal("whom it shows again", found(console), ["Bashir Das"])
    console.fill({"Label": "wholesale"}, console.within("#filters"))
    if not console.way.script:
        console.press("Search", console.within("#filters"))
    console.page.wait("who has the label too", lambda: found(console) == ["Bashir Das"])


# Staff.


def member_address(console, role):
    return f"{role}.{console.entry}.{RUN}@example.test"


def staff_are_invited(console):
    """A viewer of this store alone, and an agent; who invites them copies the link."""
    links = {}
    for role in ("viewer", "agent"):
        console.menu("Staff")
        console.follow("Invite a member", console.within("main"))
        console.fill({"Name": f"{role.title()} of {console.entry}", "E-mail": member_address(console, role)})
        choose_role(console, role)
        console.fill({"Which stores the member sees": "The stores ticked below"})
        console.fill({console.entry: True}, console.within("#f-entries"))
        if role == "viewer":
            console.looks("staff-invite")
        console.press("Invite", console.within("main"))
        console.heading("The link is ready")
        links[role] = console.page.find("#link").get_property("value")
        true("the link leads here", links[role].startswith(server_url()))
        if console.way.script:
            console.tab_to(console.named("Copy", "button"))
            console.keys(Keys.ENTER)
            console.says("Copied")
        console.looks(f"staff-link-{role}")
    console.menu("Staff")
    console.looks("staff")
    console.sign_out()
    return links


def choose_role(console, role):
    """The roles are one stop of Tab; the arrows move between them."""
    group = console.page.all("input[name=role]")
    target = console.page.find(f"input[name=role][value={role}]")
    chosen = next((one for one in group if one.is_selected()), None)
    console.tab_to(chosen or group[0])
    if not chosen:
        console.keys(Keys.SPACE)
    for _ in group:
        if not target.is_selected():
            console.keys(Keys.ARROW_DOWN)
    true(f"{role} is chosen", target.is_selected())


def begin(console, link):
    """Somebody else opens the link of the invitation in the same browser."""
    console.browser.get(link)
    console.heading("Welcome")
    console.looks("welcome")
    console.fill({"Password": PASSWORD, "The password again": PASSWORD})
    console.press("Begin")
    console.heading("Overview")


def shows_no_raw_value(console, what):
    """Neither the page nor its source says an e-mail address or a phone number of a customer."""
    source = console.browser.page_source
    for first, _, phone, stored in PEOPLE:
        for value in (address_of(console, first), address_of(console, first).replace("@", "&#x40;"), phone, stored, stored[-8:]):
            true(f"{what} says {value}", value not in source)


def is_refused(console, path, words):
    console.open(path)
    console.heading(words)
    shows_no_raw_value(console, path)


def the_viewer_sees_masks(console, link):
    begin(console, link)
    shows_no_raw_value(console, "the overview")
    menu = flat(console.within("nav.side").text)
    for english in ("Imports", "Settings", "Tokens", "Staff"):
        true(f"the menu offers {english}", not any(word in menu for word in console.words(english)))
    console.menu("Customers")
    true("a masked address", re.search(r"a\*+@e\*+\.test", console.within("#list").text))
    shows_no_raw_value(console, "the list")
    for english in ("New customer", "Export CSV", "Archive", "Delete…"):
        console_offers_not(console, english)
    console.looks("viewer-customers")
    look_for(console, address_of(console, "Amira"), [])
    look_for(console, "amira", ["Amira Khan"])
    shows_no_raw_value_but_typed(console)
    the_viewer_sees_a_customer(console)
    the_viewer_gets_no_further(console)
    console.sign_out()


def shows_no_raw_value_but_typed(console):
    true("the address of Bashir", address_of(console, "Bashir") not in console.browser.page_source)


def console_offers_not(console, english):
    words = set(console.words(english))
    shown = {flat(one.text) for one in console.page.all("main a, main button, main summary")}
    true(f"the page offers {words & shown}", not words & shown)


def the_viewer_sees_a_customer(console):
    open_customer(console, "Amira Khan")
    shows_no_raw_value(console, "the customer")
    for english in ("Edit", "Charge", "Request payment", "New order", "More", "Invite to the portal", "Add"):
        console_offers_not(console, english)
    equal("what is paid", console.fact("Paid"), console.money("1,200.00"))
    console.looks("viewer-customer")
    number = re.search(r"/customers/(\d+)", console.browser.current_url).group(1)
    console.follow("See all", console.within("#timeline"))
    shows_no_raw_value(console, "the history")
    console.menu("Invoices")
    shows_no_raw_value(console, "the invoices")
    console.looks("viewer-invoices")
    exports_say_no_raw_value(console)
    console.follow_to(console.page.find("main tbody a"))
    shows_no_raw_value(console, "an invoice")
    console.looks("viewer-invoice")
    console.menu("Payments")
    shows_no_raw_value(console, "the payments")
    here = f"/at/{console.entry}/customers"
    for path in (f"{here}/new", f"{here}/{number}/edit", f"{here}/{number}/delete"):
        is_refused(console, path, "Your role does not allow this")
    console.looks("viewer-refused")


def exports_say_no_raw_value(console):
    """Whatever file the page offers."""
    for link in console.page.all("main .head a[download]"):
        text = console.download_of(link).read_bytes()
        for first, _, _, stored in PEOPLE:
            true(f"{link.text} says who it is", address_of(console, first).encode() not in text and stored.encode() not in text)


def the_viewer_gets_no_further(console):
    """Another store is not there, whether by its own address or by a customer's."""
    other = entrypoint()
    true("another store", other != console.entry)
    body = {"email": f"elsewhere.{console.entry}.{RUN}@example.test", "firstname": "Else", "lastname": "Where"}
    answer = http("POST", f"/api/Customer/single/{other}", full_token(), body)
    equal("status of a create elsewhere", answer.status, 200)
    number = answer.json()["responseData"]["customerId"]
    for path in (f"/at/{other}", f"/at/{other}/customers", f"/at/{other}/customers/{number}", f"/at/{console.entry}/customers/{number}"):
        is_refused(console, path, "Page not found")
    console.looks("viewer-elsewhere")
    console.open("/at/~/customers")
    equal("whom all stores show", len(found(console)), 3)
    true("who is elsewhere", "Else Where" not in console.browser.page_source)
    console.at()


def the_agent_edits_and_does_not_delete(console, link):
    begin(console, link)
    open_customer(console, "Farah Noor")
    equal("the address", console.fact("E-mail"), address_of(console, "Farah"))
    console_offers_not(console, "Delete the customer")
    console.follow("Edit", console.within("main .head"))
    console.fill({"Company": "Noor Traders"})
    console.press("Save", console.within("main"))
    console.says("Saved.")
    timeline = flat(console.within("#timeline").text)
    true(f"the timeline names the agent: {timeline}", f"Agent of {console.entry}" in timeline)
    console.looks("agent-customer")
    number = re.search(r"/customers/(\d+)", console.browser.current_url).group(1)
    console.at(f"/customers/{number}/delete")
    console.heading("Your role does not allow this")
    console.follow("Console")
    console.sign_out()


# Open money.


def a_customer_who_owes_is_not_deleted(console):
    console.sign_in(OWNER, OWNERS_PASSWORD)
    console.at()
    open_customer(console, "Amira Khan")
    ask_to_delete(console)
    console.says("Please check the following")
    console.says("What is open must be settled first: have it paid, or void it. Or archive the customer instead.")
    console.looks("delete-refused")
    open_customer(console, "Amira Khan")
    invoices = console.within("#invoices")
    unpaid = next(row for row in console.page.all("tbody tr", invoices) if console.money("40.50") in flat(row.text))
    console.follow_to(console.page.find("a", unpaid))
    console.fold("Void", console.within("main"))
    console.press("Void", console.within("main"), sure=True)
    console.says("Voided.")
    console.looks("invoice-voided")
    open_customer(console, "Amira Khan")
    ask_to_delete(console)
    console.says("Deleted.")
    console.says("This customer is deleted. Money and history stay; nothing can be changed.")
    console.looks("deleted")
    console.menu("Customers")
    equal("who is left", found(console), ["Farah Noor", "Bashir Das"])
    console.menu("Payments")
    true("the payment stays", console.holds(console.money("1,200.00")))


def ask_to_delete(console):
    head = console.within("main .head")
    console.fold("More", head)
    console.follow("Delete the customer", console.within("main .head"))
    console.press("Delete the customer", console.within("main"), sure=True)
