"""A customer's life through a client made by openapi-python-client."""

import os
import secrets

from customary_client import AuthenticatedClient, Client
from customary_client.api.customers import create_customer, delete_customer, get_customer, match_customer, update_customer
from customary_client.api.health import get_live
from customary_client.api.queries import list_customers
from customary_client.models import (
    CreatedOut,
    CustomerFilters,
    CustomerIn,
    CustomerInAdditionalFieldsType0,
    CustomerOut,
    DoneOut,
    ErrorBody,
    HealthOut,
    Lifecycle,
    ListOut,
    MatchOut,
)

URL = os.environ["CUSTOMARY_URL"].rstrip("/")
ENTRY = os.environ["CUSTOMARY_ENTRY"]
EMAIL = f"client.{secrets.token_hex(4)}@example.test"


def count(client: AuthenticatedClient, filters: CustomerFilters) -> int:
    found = list_customers.sync(ENTRY, client=client, parameters=filters)
    assert isinstance(found, ListOut), found
    return found.summary.total_records


def main() -> None:
    client = AuthenticatedClient(
        f"{URL}/api", token=os.environ["CUSTOMARY_TOKEN"], prefix="", auth_header_name="requestToken"
    )
    additional = CustomerInAdditionalFieldsType0.from_dict({"tier": "gold"})
    body = CustomerIn(email=EMAIL, firstname="Ada", balance=12.5, additional_fields=additional)
    created = create_customer.sync(ENTRY, client=client, body=body, idempotency_key=EMAIL)
    assert isinstance(created, CreatedOut), created
    assert created.response_data.outcome == "created", created
    customer_id = created.response_data.customer_id

    customer = get_customer.sync(customer_id, client=client)
    assert isinstance(customer, CustomerOut), customer
    assert (customer.firstname, customer.balance, customer.lifecycle) == ("Ada", 12.5, Lifecycle.PROSPECT), customer

    assert count(client, CustomerFilters(emaileq=EMAIL, balancege=12.5)) == 1
    assert count(client, CustomerFilters(emaileq=EMAIL, balancegt=12.5)) == 0

    changed = update_customer.sync(customer_id, client=client, body=CustomerIn(city="Oakton"))
    assert isinstance(changed, DoneOut), changed
    matched = match_customer.sync(ENTRY, client=client, body=CustomerIn(email=EMAIL))
    assert isinstance(matched, MatchOut) and matched.response_data.customer_id == customer_id, matched
    deleted = delete_customer.sync(customer_id, client=client, erase=True)
    assert isinstance(deleted, DoneOut), deleted

    missing = get_customer.sync_detailed(9_007_199_254_740_991, client=client)
    assert missing.status_code == 404 and isinstance(missing.parsed, ErrorBody), missing
    assert missing.parsed.response_text == "No such customer", missing
    health = get_live.sync(client=Client(URL))
    assert isinstance(health, HealthOut), health
    print("openapi-python-client: works")


if __name__ == "__main__":
    main()
