# The commands of this project.

# List the commands
default:
    @just --list

# Compile everything, tests included
check:
    cargo check --all-targets

# Run all checks and tests; arguments select tests: `just test races`
test *ARGS:
    scripts/test {{ARGS}}

# Regenerate the OpenAPI document; commit it with a change to the API
openapi:
    cargo run --quiet -- openapi > openapi/openapi.json.new
    mv openapi/openapi.json.new openapi/openapi.json

# Regenerate the options page; commit it with a change to the command line
options:
    cargo run --quiet -- options > docs/reference/options.md.new
    mv docs/reference/options.md.new docs/reference/options.md

# Format and lint, and apply automatic fixes
lint:
    cargo fmt
    cargo clippy --all-targets --fix --allow-dirty --allow-staged -- -D warnings

# Run what the CI runs
ci:
    .ci/run

# Run a server on ./data; arguments go to `serve`
run *ARGS:
    cargo run -- serve {{ARGS}}

# Run the long form of the crash tests
crash KILLS="100":
    CRASH_KILLS={{KILLS}} cargo nextest run crash::rules_4_killed

# Run the long form of the list tests, with COUNT searches after writes and COUNT records walked by cursor
lists COUNT="100000":
    SEARCH_CHECKS={{COUNT}} CURSOR_RECORDS={{COUNT}} cargo nextest run lists::read_after_write lists::cursors
