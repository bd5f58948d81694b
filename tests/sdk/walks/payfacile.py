"""PayFacile's page: a new customer, an invitation and another one, an order, and the status that moves by itself."""

import re

from selenium.webdriver.common.keys import Keys

from support import RUN, equal, true


def walk(console):
    a_product_is_offered(console)
    customer = a_customer_is_added(console)
    the_customer_is_invited_twice(console, customer)
    an_order_moves_the_stage(console, customer)
    the_order_is_paid(console, customer)


def link_in(mail):
    return re.search(r"https?://\S+/set-password/\S+", mail).group(0)


def address_of(console):
    return f"ada.roe.{console.entry}.{RUN}@example.test"


def a_product_is_offered(console):
    console.menu("Products")
    console.heading("Products")
    console.looks("products-none")
    console.follow("New product", console.within("main"))
    console.fill(
        {
            "Name": "Oak chair",
            "Unit price, before tax": "120.00",
            "Tax, %": "20",
            "Options": "Size: small, large",
        }
    )
    console.looks("product-new")
    console.press("Save")
    console.says("Oak chair")
    console.looks("products")


def a_customer_is_added(console):
    """Comes from an empty list; the matcher says who looks alike while a second one is typed."""
    console.menu("Customers")
    console.heading("Customers")
    console.looks("customers-none")
    if console.way.script:
        console.key_leads("n", "New customer")
    else:
        console.follow("New customer")
        console.heading("New customer")
    console.looks("customer-new")
    console.press("Create customer")
    console.says("Please check the following")
    console.looks("customer-new-refused")
    console.fill({"First name": "Ada", "Last name": "Roe", "E-mail": "ada.roe"})
    email = address_of(console)
    console.fill({"E-mail": email, "Company": "Roe & Daughters"})
    console.press("Create customer")
    console.heading_is("Ada Roe")
    console.says("Prospect")
    console.looks("customer")
    number = re.search(r"/customers/(\d+)", console.browser.current_url).group(1)
    the_same_one_again_is_shown(console, email)
    console.at(f"/customers/{number}")
    return number


def the_same_one_again_is_shown(console, email):
    console.at("/customers/new")
    console.fill({"Last name": "Roe", "E-mail": email})
    if console.way.script:
        console.says("This looks like …")
        console.looks("customer-new-alike")
    console.press("Create customer")
    console.says("This customer exists already")
    console.looks("customer-new-exists")


def the_customer_is_invited_twice(console, customer):
    """Nobody is told anything before; each invitation has its own link."""
    email = address_of(console)
    equal("mails before the invitation", console.mails_to(email), [])
    console.press("Invite to the portal", console.within("#portal"))
    console.says("The invitation is on its way.")
    console.looks("customer-invited")
    console.press("Invite again", console.within("#portal"))
    console.says("The invitation is on its way.")
    console.eventually("two invitations arrive", lambda: len(console.mails_to(email)) == 2)
    links = {link_in(mail) for mail in console.mails_to(email)}
    equal("different links", len(links), 2)


def an_order_moves_the_stage(console, customer):
    """Two chairs at 120.00 and 20 % tax, to be paid by a link."""
    console.at(f"/customers/{customer}")
    console.follow("New order", console.within("main"))
    console.heading("New order")
    console.looks("order-new")
    product = f"Oak chair, large – {console.money('120.00')}"
    console.fill({"Product": product, "Quantity": "0"})
    console.fill({"How it is paid": "By a link that I send"})
    console.press("Take the order")
    console.says("Please check the following")
    console.looks("order-new-refused")
    console.fill({"Quantity": "2"})
    console.press("Take the order")
    console.says("Send this link to the customer")
    console.says(console.money("288.00"))
    console.looks("order-link")


def the_order_is_paid(console, customer):
    link = console.page.find("#url").get_property("value")
    console.follow("Back to the customer")
    stage = console.within(".head .badges")
    true(f"the stage is {stage.text}", any(word in stage.text for word in console.words("Active")))
    console.says("Waits for payment")
    console.looks("customer-with-order")
    console.browser.get(link)
    console.page.find("main form button").send_keys(Keys.ENTER)
    console.says("Thank you")
    console.at(f"/customers/{customer}")
    console.says_not("Waits for payment")
    console.says("Completed")
    console.looks("customer-paid")
    console.menu("Orders")
    console.says("Completed")
    console.looks("orders")
    console.eventually("the mails of the order arrive", lambda: len(console.mails_to(address_of(console))) >= 4)
