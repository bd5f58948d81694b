#!/usr/bin/env python3
"""Payabli's own Python SDK, unmodified: only the address and the token are other ones.

    pip install payabli
    CUSTOMARY_TOKEN=eyJ… python3 examples/payabli_sdk.py
"""

import os
import sys

from payabli import payabli
from payabli.errors import BadRequestError

URL = os.environ.get("CUSTOMARY_URL", "http://127.0.0.1:8080")
ENTRY = os.environ.get("CUSTOMARY_ENTRY", "demo")
TOKEN = os.environ.get("CUSTOMARY_TOKEN") or sys.exit("Set CUSTOMARY_TOKEN to the token of the first start.")

client = payabli(base_url=f"{URL}/api", token=TOKEN)

made = client.customer.add_customer(ENTRY, firstname="Kim", lastname="Hale", email="kim.hale@example.test")
customer_id = made.response_data.customer_id
print(f"customer {customer_id} is there")

client.customer.update_customer(customer_id, city="Oakton", zip="20850")
record = client.customer.get_customer(customer_id)
print(f"{record.firstname} {record.lastname} lives in {record.city}")

page = client.query.list_customers(ENTRY, parameters={"email(eq)": "kim.hale@example.test"}, limit_record=10)
print(f"{page.summary.total_records} customer has this e-mail address")

try:
    client.customer.add_customer(ENTRY, email="nobody")
except BadRequestError as error:
    print(f"refused with {error.status_code}")

client.customer.delete_customer(customer_id)
print("deleted")
