// A customer's life through a client made by hey-api.

import { createClient } from "./hey_api/client/index.js";
import * as sdk from "./hey_api/index.js";
import type { CustomerFilters, CustomerOut } from "./hey_api/index.js";
import { data, email, entry, equal, token, url } from "./support.js";

const client = createClient({ baseUrl: `${url}/api`, headers: { requestToken: token } });
const path = { entry };

const created = data(
  "create",
  await sdk.createCustomer({
    client,
    path,
    headers: { idempotencyKey: email },
    body: { email, firstname: "Ada", balance: 12.5, labels: ["wholesale"] },
  }),
);
equal("outcome", created.responseData.outcome, "created");
const customerId = created.responseData.customerId;

const customer: CustomerOut = data("read", await sdk.getCustomer({ client, path: { customerId } }));
equal("balance", customer.Balance, 12.5);
equal("label", customer.Labels?.[0], "wholesale");

async function count(parameters: CustomerFilters): Promise<number> {
  const list = await sdk.listCustomers({ client, path, query: { parameters, sortBy: "desc(customerId)" } });
  return data("list", list).Summary.totalRecords;
}
equal("found", await count({ "email(eq)": email, "balance(le)": 12.5, "status(in)": "0|1" }), 1);
equal("not found", await count({ "email(eq)": email, "city(eq)": "Oakton" }), 0);
// @ts-expect-error A name cannot be compared as a whole.
const wrong: CustomerFilters = { "name(eq)": "Ada" };
equal("a wrong filter", (await sdk.listCustomers({ client, path, query: { parameters: wrong } })).response?.status, 400);

equal("changed", data("change", await sdk.updateCustomer({ client, path: { customerId }, body: { city: "Oakton" } })).isSuccess, true);
equal("found now", await count({ "email(eq)": email, "city(eq)": "Oakton" }), 1);
equal("deleted", data("delete", await sdk.deleteCustomer({ client, path: { customerId }, query: { erase: true } })).responseCode, 1);
const missing = await sdk.getCustomer({ client, path: { customerId: 9007199254740991 } });
equal("text", missing.error?.responseText, "No such customer");
console.log("hey-api: works");
