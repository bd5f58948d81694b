"""Customers in SQLite with FastAPI and SQLModel, built as their tutorials do."""

import os
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.responses import PlainTextResponse
from sqlalchemy import event
from sqlmodel import Field, Session, SQLModel, create_engine, select, text


class CustomerIn(SQLModel):
    customerNumber: str | None = Field(default=None, index=True, max_length=250)
    customerStatus: int = 1
    company: str | None = Field(default=None, max_length=250)
    firstname: str | None = Field(default=None, max_length=250)
    lastname: str | None = Field(default=None, index=True, max_length=250)
    birthday: str | None = Field(default=None, max_length=10)
    phone: str | None = Field(default=None, index=True, max_length=50)
    email: str | None = Field(default=None, index=True, max_length=320)
    address: str | None = Field(default=None, max_length=250)
    address1: str | None = Field(default=None, max_length=100)
    city: str | None = Field(default=None, max_length=250)
    state: str | None = Field(default=None, max_length=250)
    zip: str | None = Field(default=None, max_length=50)
    country: str | None = Field(default=None, max_length=100)
    shippingAddress: str | None = Field(default=None, max_length=250)
    shippingAddress1: str | None = Field(default=None, max_length=100)
    shippingCity: str | None = Field(default=None, max_length=250)
    shippingState: str | None = Field(default=None, max_length=250)
    shippingZip: str | None = Field(default=None, max_length=50)
    shippingCountry: str | None = Field(default=None, max_length=100)
    balance: float = 0
    timeZone: int | None = None
    labels: str | None = None
    additionalFields: str | None = None
    createdAt: str | None = Field(default=None, index=True)


class Customer(CustomerIn, table=True):
    id: int | None = Field(default=None, primary_key=True)


class CustomerOut(CustomerIn):
    id: int


# FastAPI runs 40 threads, and each needs a connection. With a pool of 8 it hangs at 64 clients.
engine = create_engine(
    f"sqlite:///{os.environ['CUSTOMERS_DB']}",
    connect_args={"check_same_thread": False, "timeout": 30},
    pool_size=40,
    max_overflow=0,
)


@event.listens_for(engine, "connect")
def set_pragmas(connection, _record):
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def create_tables():
    SQLModel.metadata.create_all(engine)


def get_session():
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]
app = FastAPI()


@app.post("/customers", response_model=CustomerOut, status_code=201)
def create_customer(customer: CustomerIn, session: SessionDep):
    stored = Customer.model_validate(customer)
    session.add(stored)
    session.commit()
    session.refresh(stored)
    return stored


@app.get("/customers/{customer_id}", response_model=CustomerOut)
def get_customer(customer_id: int, session: SessionDep):
    customer = session.get(Customer, customer_id)
    if not customer:
        raise HTTPException(status_code=404, detail="Customer not found")
    return customer


@app.get("/customers", response_model=list[CustomerOut])
def list_customers(
    session: SessionDep, offset: int = 0, limit: Annotated[int, Query(le=100)] = 20
):
    newest_first = select(Customer).order_by(Customer.id.desc())
    return session.exec(newest_first.offset(offset).limit(limit)).all()


@app.get("/synchronous", response_class=PlainTextResponse)
def get_synchronous(session: SessionDep):
    return str(session.exec(text("PRAGMA synchronous")).scalar_one())
