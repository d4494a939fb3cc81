"""The persons of a connected account. https://docs.stripe.com/api/persons"""

from __future__ import annotations

from host.simulator import resources
from host.simulator.context import Object, RequestContext
from host.simulator.pagination import page
from host.simulator.stripe.account_access import found

_SECRET = ("id_number", "ssn_last_4")  # never answered
EFFECTS = {"accounts.persons.create": set(_SECRET), "accounts.persons.update": set(_SECRET)}


def plain(given: Object) -> Object:
    """The parameters of a person that are answered as they were given."""
    return {name: value for name, value in given.items() if name not in _SECRET}


def set_provided(person: Object, given: Object) -> None:
    """Set the members that say whether secret numbers were given, now or before."""
    person["id_number_provided"] = bool(person.get("id_number_provided") or given.get("id_number"))
    number = given.get("ssn_last_4") or given.get("id_number")
    person["ssn_last_4_provided"] = bool(person.get("ssn_last_4_provided") or number)


def create_person(call: RequestContext) -> Object:
    """Create a person of an account that is a company's."""
    found(call)
    person = call.put(resources.fresh(call), plain(call.params))
    set_provided(person, call.params)
    return call.save("person", person, under=call.path.rstrip("/"))


def update_person(call: RequestContext) -> Object:
    """Update a person."""
    person = call.put(call.subject(), plain(call.params))
    set_provided(person, call.params)
    return call.save("person", person)


def list_persons(call: RequestContext) -> bytes:
    """The persons of an account."""
    found(call)
    return page(call)


BEHAVIOURS = {
    "accounts.persons.create": create_person,
    "accounts.persons.list": list_persons,
    "accounts.persons.update": update_person,
}
