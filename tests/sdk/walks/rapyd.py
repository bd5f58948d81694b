"""Rapyd's page of a customer: every card of it, money by a link and by a stored card, coupons, addresses, comments of two people."""

import re

from selenium.webdriver.common.keys import Keys

from console_browser import flat
from support import RUN, equal, full_token, http, server_url, true

OWNER = "olive@example.test"
PASSWORD = "quartz-meadow-58"
VISA = "Visa, ending in 0001: succeeds"
MASTERCARD = "Mastercard, ending in 0002: succeeds"
ONCE = "Copy it now: it is shown only here. You can always make a new one, which ends this one."
WORDS = {"en": ("Thank you", "Your payment method is saved."), "fr": ("Merci", "Votre moyen de paiement est enregistré.")}


def walk(console):
    customer = Customer(console)
    customer.is_added()
    customer.is_opened_from_the_list()
    customer.gets_addresses()
    customer.pays_by_a_link()
    customer.gets_half_back()
    customer.leaves_a_card_by_a_link()
    customer.has_links_replaced_and_cancelled()
    customer.is_charged()
    customer.gets_and_uses_a_coupon()
    customer.receives_an_invoice_of_a_subscription()
    customer.is_talked_about_by_two()
    customer.shows_everything()


class Customer:
    def __init__(self, console):
        self.console = console
        self.email = f"mara.lindqvist.{console.entry}.{RUN}@example.test"
        self.colleague = f"ben.{console.entry}.{RUN}@example.test"
        self.sweden = "Suède" if console.way.french else "Sweden"
        self.number = None

    def is_added(self):
        console = self.console
        console.menu("Customers")
        console.follow("New customer", console.within("main .head"))
        console.fill({"First name": "Mara", "Last name": "Lindqvist", "E-mail": self.email, "Phone": "+46 8 505 501 17"})
        console.press("Create customer")
        console.heading_is("Mara Lindqvist")
        self.number = re.search(r"/customers/(\d+)", console.browser.current_url).group(1)

    def is_opened_from_the_list(self):
        """By the keys of the list where there is a script."""
        console = self.console
        console.menu("Customers")
        console.heading("Customers")
        if console.way.script:
            console.keys("j")
            console.eventually("a row is chosen", lambda: console.page.all("tr[aria-selected=true]"))
            console.enter()
        else:
            console.follow("Mara Lindqvist", console.within("main"))
        console.heading_is("Mara Lindqvist")
        self.card_says("profile", self.email, "+46850550117", "UTC")
        console.looks("customer-new")

    def gets_addresses(self):
        console = self.console
        console.follow("Add", console.within("#addresses"))
        console.heading("New address")
        console.fill({"Kind": "Billing", "Street": "Sveavägen 44", "City": "Stockholm", "Country": self.sweden, "Phone": "12"})
        console.press("Save")
        console.says("Please check the following")
        console.looks("address-refused")
        console.fill({"Postal code": "111 34", "Phone": "+46 8 505 501 18", "Use for bills by default": True})
        console.press("Save")
        self.card_says("addresses", "Sveavägen 44", "111 34 Stockholm")
        console.follow("Add", console.within("#addresses"))
        house = {"Receiver": "Summer house", "Street": "Strandvägen 3", "City": "Visby", "Note": "The key is with the neighbour."}
        console.fill({"Kind": "Shipping", "Country": self.sweden, **house})
        console.press("Save")
        self.card_says("addresses", "Sveavägen 44", "Strandvägen 3", "Visby", "The key is with the neighbour.")
        console.press("Make shipping default", console.within("#addresses li:last-child"))
        self.card_says("addresses", *console.words("Default for shipping")[:1])

    def pays_by_a_link(self):
        """The link says which types of payment method it takes; the payer is refused once, then pays."""
        console = self.console
        console.follow("Request payment", console.within("main .head"))
        console.heading("Request payment")
        console.looks("request-new")
        console.press("Make the link")
        console.says("Please check the following")
        console.looks("request-refused")
        console.fill({"Amount": "80.00", "What it is for": "Deposit for the spring course", "Card": True, "Phone": True})
        console.press("Make the link")
        console.says(ONCE)
        true("a code to scan", console.page.all(".qr svg"))
        console.looks("request-link")
        url = self.copied()
        console.browser.get(url)
        console.looks("payer-asked")
        self.choose_and_pay("Visa, ending in 0006: declined")
        console.eventually("the payer reads of the refusal", lambda: console.page.all(".note"))
        console.looks("payer-declined")
        self.choose_and_pay(MASTERCARD)
        self.payer_reads(0)
        console.looks("payer-thanked")
        self.home()
        row = console.within("#payments tbody tr")
        self.row_says(row, "80", "Paid")
        self.row_says(console.within("#requests tbody tr"), "Deposit for the spring course", "Paid")
        console.looks("customer-paid")

    def gets_half_back(self):
        """By way of the table of the customer's payments."""
        console = self.console
        console.follow("See all", console.within("#payments"))
        console.heading("Payments")
        console.looks("payments-of-customer")
        paid = [row for row in console.page.all("#payments tbody tr") if "80" in row.text and not self.is_declined(row)]
        equal("payments of 80", len(paid), 1)
        console.tab_to(console.page.all("a", paid[0])[0])
        console.enter()
        console.says("What was paid back")
        console.looks("payment")
        form = console.within("main form[action$='/refund']")
        console.fill({"Amount": "90"}, form)
        console.press("Pay back", form, sure=True)
        console.says("Please check the following")
        console.looks("payment-refused")
        form = console.within("main form[action$='/refund']")
        console.fill({"Amount": "40"}, form)
        console.press("Pay back", form, sure=True)
        console.says("The money goes back.")
        console.eventually("it is paid back", lambda: any(console.holds(word) for word in console.words("Done")))
        console.looks("payment-half-back")
        self.home()
        figures = console.within("dl.figures").text
        true(f"what is left of the payment: {figures}", "40" in figures and "80" in figures)

    def is_declined(self, row):
        return any(word in flat(row.text) for word in self.console.words("Declined"))

    def leaves_a_card_by_a_link(self):
        console = self.console
        console.follow("Ask for a card", console.within("#methods"))
        console.heading("Ask for a card")
        console.looks("card-link-new")
        console.fill({"Expires in days": "45"})
        console.press("Make the link")
        console.says("Please check the following")
        console.fill({"Expires in days": "7", "Card": True, "Wallet": True, "Send the link to the customer by e-mail": True})
        console.press("Make the link")
        console.says("An e-mail with it is on its way.")
        console.looks("card-link")
        url = self.copied()
        console.eventually("the mail with the link arrives", lambda: any(url in mail for mail in console.mails_to(self.email)))
        console.browser.get(url)
        console.looks("card-asked")
        self.choose_and_pay(VISA)
        self.payer_reads(1)
        console.looks("card-saved")
        self.home()
        self.card_says("methods", "Visa ···· 0001", "12/2090")
        self.row_says(console.within("#method-links tbody tr"), "Done")

    def has_links_replaced_and_cancelled(self):
        console = self.console
        console.follow("Ask for a card", console.within("#method-links"))
        console.press("Make the link")
        first = self.copied()
        console.press("New link by e-mail", sure=True)
        console.says(ONCE)
        second = self.copied()
        true("another link", first != second)
        self.home()
        console.press("New link", console.within("#method-links tbody"), sure=True)
        third = self.copied()
        for url in (first, second):
            console.browser.get(url)
            true("a replaced link leads nowhere", not console.page.all("main form"))
        console.browser.get(third)
        true("the newest link works", console.page.all("main form"))
        self.home()
        console.press("Take back", console.within("#method-links tbody"), sure=True)
        console.says("Cancelled.")
        self.row_says(console.within("#method-links tbody tr"), "Taken back")
        console.looks("card-links")
        console.browser.get(third)
        true("a link that was taken back takes nothing", not console.page.all("main form"))
        self.home()

    def is_charged(self):
        console = self.console
        console.follow("Charge", console.within("main .head"))
        console.heading("Charge a payment method")
        console.looks("charge-new")
        console.fill({"Payment method": "Visa ···· 0001", "Amount": "19.999"})
        console.press("Charge now", sure=True)
        console.says("Please check the following")
        console.looks("charge-refused")
        console.fill({"Amount": "19.90", "What for": "Second seat"})
        console.press("Charge now", sure=True)
        console.says("Result")
        console.eventually("the charge succeeds", lambda: any(console.holds(word) for word in console.words("Paid")))
        console.looks("charge-result")
        console.follow("Back to the customer")
        self.row_says(console.within("#payments tbody tr"), "19", "Paid")

    def gets_and_uses_a_coupon(self):
        console = self.console
        code = f"SPRING-{console.entry.upper()}"
        console.follow("New coupon", console.within("#coupons"))
        console.heading("New coupon")
        console.fill({"Code of a coupon": code})
        console.press("New coupon", console.within("main form"))
        console.says("Please check the following")
        console.looks("coupon-refused")
        console.fill({"Name": "Spring course", "Percent off": "25", "Last day": "2090-06-30"})
        console.press("New coupon", console.within("main form"))
        self.row_says(console.within("#coupons tbody tr"), code, "25", "Online")
        console.fold("More", console.within("main .head"))
        console.follow("Redeem a coupon", console.within("main .head"))
        console.fill({"Code of a coupon": code, "Amount before": "200"})
        console.looks("coupon-redeem")
        console.press("Redeem a coupon", console.within("main form"))
        console.says("Left to pay")
        true("a quarter less", console.holds("50.00") or console.holds("50,00"))
        console.looks("coupon-redeemed")
        self.home()
        self.row_says(console.within("#coupons tbody tr"), code, "1", "Used up")
        console.follow(code, console.within("#coupons"))
        console.says("Who redeemed it")
        true("who used it", console.holds("Mara Lindqvist"))
        console.looks("coupon")
        self.home()

    def receives_an_invoice_of_a_subscription(self):
        """The subscription comes from the store's own program; the invoice is written here."""
        console = self.console
        body = {
            "customerId": int(self.number),
            "status": "running",
            "plan": "Course of the month",
            "amount": 29.5,
            "currency": "USD",
            "frequency": "monthly",
        }
        answer = http("PUT", f"/api/Subscription/external/{console.entry}/shop/sub-{RUN}", full_token(), body)
        equal(f"the subscription ({answer.text[:300]})", answer.status in (200, 201), True)
        self.home()
        self.card_says("subscriptions", "Course of the month", "29")
        console.says("Subscriber")
        console.follow("New invoice", console.within("#invoices"))
        line = console.within("main fieldset.line")
        console.fill({"Name": "Course of the month", "Quantity": "1", "Price": "29.50", "Tax, %": "25"}, line)
        console.press("Save and issue", sure=True)
        console.says("36")
        console.looks("invoice")
        self.home()
        self.row_says(console.within("#invoices tbody tr"), "36", "Open")

    def is_talked_about_by_two(self):
        console = self.console
        self.comments("Prefers to be called in the afternoon.", pinned=True)
        link = self.colleague_is_invited()
        console.sign_out()
        console.browser.get(link)
        console.fill({"Password": PASSWORD, "The password again": PASSWORD})
        console.press("Begin")
        console.heading("Overview")
        console.menu("Customers")
        console.follow("Mara Lindqvist", console.within("main"))
        self.card_says("comments", "Olive Marsh", "Prefers to be called in the afternoon.")
        self.comments("Called: she comes with a friend.")
        self.card_says("comments", "Ben Okafor", "Called: she comes with a friend.")
        equal("nobody changes what another wrote", len(console.page.all("#comments li .actions")), 1)
        console.looks("customer-of-agent")
        console.sign_out()
        console.sign_in(OWNER, PASSWORD)
        self.home()
        self.card_says("comments", "Olive Marsh", "Ben Okafor")
        equal("an owner changes both", len(console.page.all("#comments li .actions")), 2)

    def comments(self, text, pinned=False):
        console = self.console
        card = console.within("#comments")
        console.fill({"New comment": text, "Pin to the top": pinned}, card)
        console.press("Write", card)
        console.says("Saved.")
        self.card_says("comments", text)

    def colleague_is_invited(self):
        console = self.console
        console.menu("Staff")
        console.follow("Invite a member")
        console.fill({"Name": "Ben Okafor", "E-mail": self.colleague})
        console.radio_beginning("Agent")
        console.press("Invite")
        console.says("The link is ready")
        return self.copied()

    def shows_everything(self):
        """The page of the customer as a whole, and where its cards lead."""
        console = self.console
        self.home()
        for card in ("profile", "addresses", "methods", "payments", "invoices", "requests", "coupons", "method-links", "comments", "timeline"):
            true(f"a card {card}", console.page.all(f"section[aria-labelledby='t-{card}']"))
        console.looks("customer-full")
        console.follow("See all", console.within("#timeline"))
        console.looks("customer-timeline")

    # How it is looked at.

    def home(self):
        self.console.at(f"/customers/{self.number}")
        self.console.heading_is("Mara Lindqvist")

    def copied(self):
        """The address that the page shows once. With script, the button copies it; it is pasted into the search to see that."""
        console = self.console
        field = console.page.find(".copy input")
        url = field.get_property("value")
        true(f"an address of this service: {url}", url.startswith(server_url()))
        return url

    def choose_and_pay(self, method):
        """The payer's page, by keyboard."""
        console = self.console
        console.radio(method)
        console.tab_to(console.page.find("main form button"))
        console.enter()

    def payer_reads(self, which):
        console = self.console
        words = [both[which] for both in WORDS.values()]
        console.page.wait(f"the words {words}", lambda: any(word in console.page.find("main").text for word in words))

    def card_says(self, card, *texts):
        console = self.console
        css = f"section[aria-labelledby='t-{card}']"

        def says():
            found = flat(console.page.find(css).text)
            return all(text in found for text in texts)

        console.page.wait(f"the card {card} with {texts}", says)

    def row_says(self, row, *texts):
        """The English words are looked for in the language of the way."""
        for text in texts:
            words = self.console.words(text)
            true(f"a row that says {words}: {row.text!r}", any(word in flat(row.text) for word in words))
