// A customer's life through types made by openapi-typescript and the client openapi-fetch.

import createClient from "openapi-fetch";

import type { components, paths } from "./openapi_typescript/schema.js";
import { data, email, entry, equal, token, url } from "./support.js";

type Filters = components["schemas"]["CustomerFilters"];
type Customer = components["schemas"]["CustomerOut"];

const api = createClient<paths>({ baseUrl: `${url}/api`, headers: { requestToken: token } });
const path = { entry };

const created = data(
  "create",
  await api.POST("/Customer/single/{entry}", {
    params: { path, header: { idempotencyKey: email } },
    body: { email, firstname: "Ada", lastname: "Roe", balance: 12.5, additionalFields: { tier: "gold" } },
  }),
);
equal("outcome", created.responseData.outcome, "created");
const customerId: number = created.responseData.customerId;

const read = await api.GET("/Customer/{customerId}", { params: { path: { customerId } } });
const customer: Customer = data("read", read);
const name: string | null = customer.Firstname;
const balance: number | null = customer.Balance;
equal("name", name, "Ada");
equal("balance", balance, 12.5);
equal("tier", customer.AdditionalFields?.["tier"], "gold");
equal("an ETag", typeof read.response.headers.get("ETag"), "string");

async function count(parameters: Filters): Promise<number> {
  const list = await api.GET("/Query/customers/{entry}", { params: { path, query: { parameters, limitRecord: 5 } } });
  return data("list", list).Summary.totalRecords;
}
equal("found", await count({ "email(eq)": email, "balance(ge)": 12.5, "status(eq)": 1, "lifecycle(eq)": "Prospect" }), 1);
equal("found by two", await count({ "email(ct)": email.slice(0, 15), "customerId(eq)": customerId }), 1);
equal("not found", await count({ "email(eq)": email, "balance(gt)": 12.5 }), 0);
// @ts-expect-error An e-mail has no order.
const wrong: Filters = { "email(gt)": email };
// @ts-expect-error A person has no such field.
const unknown: Filters = { "nickname(eq)": email };
for (const filters of [wrong, unknown]) {
  const refused = await api.GET("/Query/customers/{entry}", { params: { path, query: { parameters: filters } } });
  equal("a wrong filter", refused.error?.errors[0]?.code.startsWith("unknown") || refused.error?.errors[0]?.code === "invalid_operator", true);
}

const changed = await api.PUT("/Customer/{customerId}", { params: { path: { customerId } }, body: { city: "Oakton" } });
equal("changed", data("change", changed).responseText, "Success");
const matched = await api.POST("/Customer/match/{entry}", { params: { path }, body: { email } });
equal("matched", data("match", matched).responseData.customerId, customerId);
const history = await api.GET("/Customer/{customerId}/history", { params: { path: { customerId } } });
equal("history", data("history", history).Records[0]?.operation, "updated");
const file = await api.GET("/Export/customers/{format}/{entry}", {
  params: { path: { format: "csv", entry }, query: { parameters: { "email(eq)": email }, columnsExport: "Email" } },
  parseAs: "text",
});
equal("file", file.data, `Email\r\n${email}\r\n`);
const imported = await api.POST("/Import/customersForm/{entry}", {
  params: { path, query: { dryRun: true, onBadValue: "blank" } },
  body: "email\nrehearsed@example.test\n",
  bodySerializer: (body) => body,
  headers: { "Content-Type": "text/csv" },
});
// 200 tells what became of the rows, 202 that they wait.
const job = data("import", imported);
equal("imported", "responseData" in job && job.responseData.added, 1);
equal("deleted", data("delete", await api.DELETE("/Customer/{customerId}", { params: { path: { customerId } } })).isSuccess, true);

const missing = await api.GET("/Customer/{customerId}", { params: { path: { customerId: 9007199254740991 } } });
equal("status", missing.response.status, 404);
equal("text", missing.error?.responseText, "No such customer");
const health = await createClient<paths>({ baseUrl: url }).GET("/health/live");
equal("health", data("health", health).status, "ok");
console.log("openapi-typescript: works");
