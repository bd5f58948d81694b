"""The office of a store: tokens, settings, staff and their second factor, what staff did, the stores together, and a member's own page."""

import base64
import dataclasses
import hashlib
import hmac
import struct
import time

from selenium.webdriver.common.keys import Keys

from console_browser import flat
from support import RUN, equal, http, server_url, true

OWNER = "olive@example.test"
PASSWORD = "quartz-meadow-58"
MEMBERS_PASSWORD = "copper-lantern-31"
NEXT_PASSWORD = "velvet-harbour-77"
STEP = 30


def walk(console):
    office = Office(console)
    office.looks_at_the_door()
    office.makes_and_revokes_a_token()
    office.is_back_in_its_store()
    office.sets_what_identifies()
    office.sets_its_look()
    office.sets_money()
    office.invites_a_member()
    office.has_a_second_factor()
    office.lets_a_member_choose()
    office.changes_a_member()
    office.sees_what_staff_did()
    office.sees_all_stores()
    office.has_components()


def totp(secret, step):
    """The six digits of an authenticator app at a step of time (RFC 6238)."""
    digest = hmac.new(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">Q", step), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Office:
    def __init__(self, console):
        self.console = console
        self.store = console.entry
        self.member = f"nora.{console.entry}.{RUN}@example.test"
        self.link = None
        self.secret = None
        # No code works twice, so each sign-in takes one of a later step.
        self.step = 0

    def looks_at_the_door(self):
        """What whoever opens the address of the service sees."""
        console = self.console
        console.browser.get(f"{server_url()}/")
        console.heading("Customer records")
        console.looks("door")
        told = bool(console.page.all("main a[href$='/.well-known/security.txt']"))
        answer = http("GET", "/.well-known/security.txt")
        equal("security.txt is there if the page leads to it", answer.status, 200 if told else 404)
        equal("whom to tell", "Contact: " in answer.text and "Expires: " in answer.text, told)
        console.follow("Console", console.within("main"))
        console.heading("Overview")
        console.at()

    # Tokens.

    def makes_and_revokes_a_token(self):
        console = self.console
        console.menu("Tokens")
        console.heading("Tokens")
        console.looks("tokens")
        console.follow("New token", console.within("main .head"))
        name = f"Web shop {self.store}"
        offered = ("Read customers, lists, history", "Add and change customers, invite them")
        unmasked = "See e-mail, phone, address and birthday without masks"
        console.fill({"Name": name, "Which stores it sees": "The stores ticked below"})
        console.fill(dict.fromkeys((*offered, unmasked), False))
        console.press("Make the token")
        console.says("Please check the following")
        console.looks("token-refused")
        for problem in ("Tick at least one right.", "Tick at least one store."):
            console.says(problem)
        console.fill({self.store: True, "Read customers, lists, history": True, "Days until it ends": "30"})
        console.looks("token-new")
        console.press("Make the token")
        console.says("The token is made")
        console.looks("token-made")
        token = console.page.find(".copy input").get_property("value")
        if console.way.script:
            self.copy_and_paste(token)
        listing = f"/api/Query/customers/{self.store}"
        equal("what the token opens", http("GET", listing, token).status, 200)
        equal("what it does not open", http("POST", f"/api/Customer/single/{self.store}", token, {}).status, 403)
        console.follow("Tokens", console.within("main .actions"))
        row = self.row(name)
        true("the token is not shown again", token not in console.browser.page_source)
        console.press("Revoke", row, sure=True)
        console.says("Revoked.")
        console.eventually("the token opens nothing", lambda: http("GET", listing, token).status == 401)
        true("a revoked token left the list", not any(name in row.text for row in console.page.all("tbody tr")))
        console.tab_to(next(link for link in console.page.all("main p a") if "all=1" in link.get_attribute("href")))
        console.enter()
        true("it is revoked", any(word in flat(self.row(name).text) for word in console.words("Revoked")))
        console.looks("tokens-ended")

    def copy_and_paste(self, text):
        """The button copies; what was copied is pasted into the search."""
        console = self.console
        console.tab_to(console.named("Copy", "button", console.within(".copy")))
        console.keys(Keys.ENTER)
        console.says("Copied")
        field = console.page.find("#find")
        console.tab_to(field)
        console.chord(Keys.CONTROL, "v")
        equal("what was copied", field.get_property("value"), text[: int(field.get_attribute("maxlength"))])

    def is_back_in_its_store(self):
        """The menu of pages that belong to no store leads back to the store where one was."""
        console = self.console
        console.menu("Customers")
        console.heading("Customers")
        self.is_at("/customers")

    # Settings.

    def sets_what_identifies(self):
        console = self.console
        console.menu("Settings")
        console.heading("Settings")
        console.looks("settings")
        self.tab("Identifiers")
        console.says("A new rule holds at once, also for the customers who are there.")
        console.fill({"What identifies a customer": "lifecycle"})
        console.press("Save")
        console.says("Please check the following")
        console.looks("identifiers-refused")
        true("the problem stands at its field", console.page.all("#p-identifiers"))
        console.fill({"What identifies a customer": "customerNumber\nemail"})
        console.press("Save")
        console.says("Saved.")
        console.looks("identifiers")
        held = console.field("What identifies a customer").get_property("value").split()
        equal("what identifies now", held, ["customerNumber", "email"])

    def sets_its_look(self):
        console = self.console
        self.tab("Look")
        before = self.color_of_preview()
        console.fill({"Colour": "leaf green"})
        console.press("Save")
        console.says("Please check the following")
        true("the problem stands at its field", console.page.all("#p-color"))
        self.name = f"Harbour Bakery {self.store.title()}"
        console.fill({"Store name": self.name, "Colour": "#0b6b3a", "Language for customers": "Français"})
        if console.way.script:
            console.eventually("the preview follows", lambda: self.color_of_preview() == "#0b6b3a")
        console.press("Save")
        console.says("Saved.")
        equal("the preview", (self.color_of_preview(), before == "#0b6b3a"), ("#0b6b3a", False))
        console.looks("look")
        true("the switch of stores has the new name", self.name in console.within("details.pick:not(.who) summary").text)

    def color_of_preview(self):
        return self.console.page.find("svg.preview rect:nth-of-type(2)").get_attribute("fill")

    def sets_money(self):
        console = self.console
        self.tab("Payments")
        console.fill({"Who moves the money": "Nobody", "Address where customers pay": "https://bakery.example/pay"})
        console.press("Save")
        console.says("Saved.")
        console.fill({"Who moves the money": "Sandbox: play money, for test stores", "Address where customers pay": ""})
        console.press("Save")
        console.says("Saved.")
        console.looks("provider")
        self.tab("Invoices")
        console.fill({"Seller’s address": "Quay 4\n111 30 Stockholm", "VAT number": "SE556677889901", "Days to pay": "20"})
        console.press("Save")
        console.says("Saved.")
        console.looks("invoice-settings")
        for tab, name in (("Labels", "labels"), ("Webhooks", "webhooks"), ("Data keys", "keys"), ("Organisation", "organisation")):
            self.tab(tab)
            console.looks(name)

    def tab(self, english):
        self.console.follow(english, self.console.within("nav.tabs"))

    # Staff.

    def invites_a_member(self):
        console = self.console
        console.menu("Staff")
        console.heading("Staff")
        console.looks("staff")
        console.follow("Invite a member")
        console.fill({"Name": "Nora Beck", "E-mail": self.member, "Which stores the member sees": "The stores ticked below"})
        console.radio_beginning("Agent")
        console.press("Invite")
        console.says("Tick at least one store.")
        console.looks("invite-refused")
        console.fill({self.name: True})
        console.press("Invite")
        console.says("The link is ready")
        console.looks("invite-link")
        self.link = console.page.find(".copy input").get_property("value")
        console.follow("Staff", console.within("main .actions"))
        row = self.row(self.member)
        true("an invited agent", all(any(word in flat(row.text) for word in console.words(text)) for text in ("Invited", "Agent")))

    def has_a_second_factor(self):
        """The member chooses a password, sets up an app, and signs in by its codes and by a recovery code."""
        console = self.console
        console.sign_out()
        console.browser.get(self.link)
        console.looks("welcome")
        console.fill({"Password": "12345678901", "The password again": "12345678901"})
        console.press("Begin")
        console.says("This password is easy to guess. Try several unrelated words.")
        console.looks("welcome-refused")
        console.fill({"Password": MEMBERS_PASSWORD, "The password again": MEMBERS_PASSWORD})
        console.press("Begin")
        console.heading("Overview")
        self.account()
        console.looks("account")
        console.follow("Set up")
        console.heading("Second factor")
        true("a code to scan", console.page.all(".qr svg"))
        console.looks("second-factor")
        self.secret = console.page.find("main code").text
        console.fill({"Code": "000000" if self.code_of(0) != "000000" else "000001"})
        console.press("Turn on")
        console.says("This code is wrong or was used before.")
        equal("the key stays", console.page.find("main code").text, self.secret)
        console.fill({"Code": self.next_code()})
        console.press("Turn on")
        console.heading("Second factor")
        console.says("Recovery codes")
        console.looks("recovery-codes")
        codes = [flat(code.text) for code in console.page.all("main li code")]
        equal("recovery codes", len(set(codes)), 10)
        console.follow("They are in a safe place", console.within("main"))
        console.says("On")
        self.signs_in_again("000000", "This code is wrong or was used before.")
        console.looks("confirm-refused")
        self.confirms(self.next_code())
        self.signs_in_again(codes[0])
        self.signs_in_again(codes[0], "This code is wrong or was used before.")
        self.confirms(codes[1])

    def code_of(self, step):
        return totp(self.secret, int(time.time()) // STEP + step)

    def next_code(self):
        """The code of the next step that was not used and that the server takes: it allows a step more or less than now."""
        now = int(time.time()) // STEP
        self.step = max(self.step + 1, now)
        true("steps of codes run ahead of the clock", self.step <= now + 1)
        return totp(self.secret, self.step)

    def signs_in_again(self, code, refused=None, password=MEMBERS_PASSWORD):
        console = self.console
        console.sign_out()
        console.sign_in(self.member, password)
        console.heading("Confirm it is you")
        self.confirms(code, refused)

    def confirms(self, code, refused=None):
        console = self.console
        console.fill({"Code": code})
        console.press("Confirm")
        if refused:
            console.says(refused)
        else:
            console.heading("Overview")

    def account(self):
        console = self.console
        console.fold_who()
        console.follow("Your account", console.within("details.who"))
        console.heading("Your account")

    def lets_a_member_choose(self):
        """Language, appearance and password, on the member's own page."""
        console = self.console
        self.account()
        own = console.way
        other = dataclasses.replace(own, french=not own.french)
        console.fill({"Language": "English" if own.french else "Français", "Appearance": "Light" if own.dark else "Dark"})
        console.press("Save")
        console.way = other
        console.heading("Your account")
        equal("the language of the page", console.within("html").get_attribute("lang"), "en" if own.french else "fr")
        equal("the appearance", console.within("html").get_attribute("data-mode"), "light" if own.dark else "dark")
        console.fill({"Language": "Français" if own.french else "English", "Appearance": "Like the system"})
        console.press("Save")
        console.way = own
        console.heading("Your account")
        form = {"Current password": "not-my-password", "New password": NEXT_PASSWORD, "The password again": NEXT_PASSWORD}
        console.fill(form)
        console.press("Change the password")
        console.says("This is not your password.")
        console.looks("account-refused")
        console.fill({**form, "Current password": MEMBERS_PASSWORD})
        console.press("Change the password")
        console.heading("Your account")
        console.looks("account-changed")
        console.sign_out()
        console.sign_in(self.member, MEMBERS_PASSWORD)
        console.says("E-mail or password is wrong.")
        console.looks("sign-in-refused")
        console.sign_in(self.member, NEXT_PASSWORD)
        console.heading("Confirm it is you")
        console.looks("confirm")
        self.leaves_a_trace()

    def leaves_a_trace(self):
        """The member adds a customer, which the activity shows; settings are not hers."""
        console = self.console
        console.eventually("a code that did not work yet", lambda: self.step <= int(time.time()) // STEP)
        self.confirms(self.next_code())
        true("an agent has no settings", not console.page.all("nav.side a[href$='/settings']"))
        console.menu("Customers")
        console.follow("New customer", console.within("main .head"))
        console.fill({"First name": "Pia", "Last name": "Lund", "E-mail": f"pia.{self.store}.{RUN}@example.test"})
        console.press("Create customer")
        console.heading_is("Pia Lund")
        self.told_apart = console.within("section[aria-labelledby='t-profile']").text
        console.at("/settings")
        console.heading("Your role does not allow this")
        console.looks("forbidden")
        console.at()
        console.sign_out()
        console.sign_in(OWNER, PASSWORD)
        console.heading("Overview")
        console.at()

    def changes_a_member(self):
        console = self.console
        self.opens_member()
        console.says("On")
        console.radio_beginning("Viewer")
        console.press("Save")
        console.says("Saved.")
        self.opens_member()
        console.looks("member")
        console.press("Another link")
        console.says("The link is ready")
        console.looks("reset-link")
        true("another link", console.page.find(".copy input").get_property("value") != self.link)
        self.opens_member()
        console.press("Disable")
        console.says("Saved.")
        self.opens_member()
        console.press("Enable again")
        console.says("Saved.")
        self.opens_member()
        console.fold("Remove")
        console.press("Remove", console.within("details form"), sure=True)
        console.heading("Staff")
        true("the member is gone", not any(self.member in row.text for row in console.page.all("tbody tr")))
        console.looks("staff-after")

    def opens_member(self):
        console = self.console
        console.menu("Staff")
        link = console.page.find("a", self.row(self.member))
        console.tab_to(link)
        console.enter()
        console.heading_is("Nora Beck")

    # What is seen.

    def sees_what_staff_did(self):
        console = self.console
        console.at()
        console.menu("Activity")
        console.heading("Activity")
        console.eventually("what the member did, by her name", lambda: "Nora Beck" in console.within("main table").text)
        rows = [flat(row.text) for row in console.page.all("main tbody tr")]
        added = [row for row in rows if "Nora Beck" in row and any(word in row for word in console.words("Customer added"))]
        true(f"she added a customer: {rows}", added)
        console.says("Member of staff")
        console.looks("activity")
        console.fill({"Member": "Olive Marsh"})
        console.press("Show", console.within("main"))
        true("only the owner's", "Nora Beck" not in "".join(row.text for row in console.page.all("main tbody tr")))

    def sees_all_stores(self):
        """The stores together, and a switch that stays at the same subject."""
        console = self.console
        console.menu("Customers")
        self.switches("All stores")
        console.heading("Customers")
        true("all stores", console.browser.current_url.endswith("/at/~/customers"))
        true("the customer of this store is among them", "Pia Lund" in console.within("main").text)
        console.looks("customers-of-all")
        self.switches(self.name)
        console.heading("Customers")
        self.is_at("/customers")
        console.menu("Overview")
        self.switches("All stores")
        console.heading("Overview")
        console.says("All together")
        console.looks("overview-of-all")
        console.follow(self.name, console.within("main"))
        console.heading("Overview")
        console.looks("overview")
        self.is_at("")
        console.open("/at/elsewhere/customers")
        console.heading("Page not found")
        console.looks("not-found")
        console.at()

    def switches(self, english):
        console = self.console
        console.tab_to(console.page.find("details.pick:not(.who) summary"))
        console.keys(Keys.ENTER)
        places = console.within("details.pick:not(.who) ul")
        words = console.words(english)
        link = next(link for link in console.page.all("a", places) if flat(link.text).startswith(tuple(words)))
        console.tab_to(link)
        console.enter()

    def has_components(self):
        console = self.console
        console.open("/components")
        console.heading_is("Components")
        console.looks("components")
        if console.way.script:
            console.keys("?")
            console.eventually("the shortcuts are told", lambda: console.page.all("dialog#shortcuts[open]"))
            console.keys(Keys.ESCAPE)
            console.eventually("Escape closes them", lambda: not console.page.all("dialog[open]"))
        console.at()

    # How it is looked at.

    def is_at(self, tail):
        address = self.console.browser.current_url.split("?")[0]
        true(f"{address} is at {self.store}{tail}", address.endswith(f"/at/{self.store}{tail}"))

    def row(self, text):
        return next(row for row in self.console.page.all("main tbody tr") if text in row.text)
