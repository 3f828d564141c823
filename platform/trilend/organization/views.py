"""Pages of the organization: the tree, one department, one person, and who may do what."""

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from trilend.identity.access import page
from trilend.identity.labels import role_label
from trilend.identity.models import ApiClient
from trilend.identity.service import signed_in_actor
from trilend.organization import departments, handing_over, people
from trilend.organization.matrix import SCOPES, matrix, set_scope
from trilend.organization.models import ROOT, Department, ProgramDepartment
from trilend.organization.programs import hold_program
from trilend.tenancy.context import tenant_session


class OrganizationView(BaseView):  # type: ignore[misc]
    """Departments and people."""

    route_base = "/organization"
    class_permission_name = "Organization"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """The tree, and the programs that are held to a part of it."""
        session = tenant_session()
        programs = session.execute(
            select(ApiClient, ProgramDepartment.department_id)
            .outerjoin(ProgramDepartment, ProgramDepartment.client_id == ApiClient.id)
            .where(ApiClient.active)
            .order_by(ApiClient.name)
        ).all()
        return render_template(
            "organization/tree.html", branches=departments.tree(session), programs=programs, root=ROOT
        )

    @page("/departments", permission="edit", methods=("POST",))
    def add(self) -> Response:
        """Add a department."""
        session = tenant_session()
        added = departments.add_department(
            session,
            signed_in_actor(),
            name=request.form.get("name", ""),
            parent_id=request.form.get("parent", ROOT, type=int),
        )
        name, added_id = added.name, added.id
        session.commit()
        flash(gettext("“%(name)s” has been added.", name=name), "success")
        return redirect(url_for(".department", department_id=added_id), 303)

    @page("/departments/<int:department_id>", permission="list")
    def department(self, department_id: int) -> str:
        """One department: its people, and what can be done with it."""
        session = tenant_session()
        found = departments.department(session, department_id)
        branches = departments.tree(session)
        return render_template(
            "organization/department.html",
            department=found,
            branch=next(branch for branch in branches if branch.department.id == department_id),
            name=departments.department_name(found),
            members=people.members(session, department_id),
            elsewhere=[branch for branch in branches if not branch.department.path.startswith(found.path)],
            branches=branches,
            children=[branch for branch in branches if branch.department.parent_id == department_id],
            crumbs=_way_to(found, branches),
            is_root=department_id == ROOT,
            role_label=role_label,
        )

    @page("/departments/<int:department_id>/rename", permission="edit", methods=("POST",))
    def rename(self, department_id: int) -> Response:
        """Give a department another name."""
        session = tenant_session()
        departments.rename_department(session, signed_in_actor(), department_id, request.form.get("name", ""))
        session.commit()
        flash(gettext("The department has its new name."), "success")
        return redirect(url_for(".department", department_id=department_id), 303)

    @page("/departments/<int:department_id>/move", permission="edit", methods=("POST",))
    def move(self, department_id: int) -> Response:
        """Put a department under another one."""
        session = tenant_session()
        departments.move_department(session, signed_in_actor(), department_id, _chosen("to"))
        session.commit()
        flash(gettext("The department has been moved, with all below it."), "success")
        return redirect(url_for(".department", department_id=department_id), 303)

    @page("/departments/<int:department_id>/merge", permission="edit", methods=("POST",))
    def merge(self, department_id: int) -> Response:
        """Join a department to another one."""
        session = tenant_session()
        into = departments.merge_department(session, signed_in_actor(), department_id, _chosen("to")).id
        session.commit()
        flash(gettext("The departments are one now."), "success")
        return redirect(url_for(".department", department_id=into), 303)

    @page("/departments/<int:department_id>/close", permission="edit", methods=("POST",))
    def close(self, department_id: int) -> Response:
        """Close a department; another one takes over."""
        session = tenant_session()
        into = departments.close_department(session, signed_in_actor(), department_id, _chosen("to")).id
        session.commit()
        flash(gettext("The department is closed; people and customers are here now."), "success")
        return redirect(url_for(".department", department_id=into), 303)

    @page("/people/<int:user_id>", permission="list")
    def person(self, user_id: int) -> str:
        """One person: place, what he or she looks after, leaving and coming back."""
        session = tenant_session()
        found = people.member(session, user_id)
        return render_template(
            "organization/person.html",
            member=found,
            role_names=gettext(", ").join(role_label(role.name) for role in found.user.roles),
            branches=departments.tree(session),
            colleagues=people.active_people(session, but=user_id),
            hand_overs=handing_over.hand_overs_of(session, user_id),
            leaving=handing_over.last_leaving(session, user_id),
            name_of=people.name_of_person,
            is_self=user_id == signed_in_actor().user_id,
        )

    @page("/people/<int:user_id>/place", permission="edit", methods=("POST",))
    def place(self, user_id: int) -> Response:
        """Put somebody into a department."""
        session = tenant_session()
        position = request.form.get("position", "")
        people.place_person(session, signed_in_actor(), user_id, department_id=_chosen("department"), position=position)
        session.commit()
        flash(gettext("Department and position are set."), "success")
        return redirect(url_for(".person", user_id=user_id), 303)

    @page("/people/<int:user_id>/hand-over", permission="edit", methods=("POST",))
    def hand_over(self, user_id: int) -> Response:
        """Give what somebody looks after to a colleague."""
        session = tenant_session()
        reason = request.form.get("reason", "")
        count = handing_over.hand_over(session, signed_in_actor(), user_id, _chosen("to"), reason=reason)
        session.commit()
        flash(
            ngettext("%(num)d customer has been handed over.", "%(num)d customers have been handed over.", count),
            "success",
        )
        return redirect(url_for(".person", user_id=user_id), 303)

    @page("/people/<int:user_id>/leave", permission="edit", methods=("POST",))
    def leave(self, user_id: int) -> Response:
        """Somebody leaves: access ends, work goes to a colleague."""
        session = tenant_session()
        reason = request.form.get("reason", "")
        handing_over.leave(session, signed_in_actor(), user_id, _chosen("to") or None, reason=reason)
        session.commit()
        flash(gettext("This person may no longer sign in; the work has been handed over."), "success")
        return redirect(url_for(".person", user_id=user_id), 303)

    @page("/people/<int:user_id>/reinstate", permission="edit", methods=("POST",))
    def reinstate(self, user_id: int) -> Response:
        """Take a leaving back."""
        session = tenant_session()
        handing_over.reinstate(session, signed_in_actor(), user_id, reason=request.form.get("reason", ""))
        session.commit()
        flash(gettext("This person may sign in again and has the work back."), "success")
        return redirect(url_for(".person", user_id=user_id), 303)

    @page("/programs/<int:client_id>", permission="edit", methods=("POST",))
    def program(self, client_id: int) -> Response:
        """Hold a program of the API to a department, or let it see everything."""
        session = tenant_session()
        hold_program(session, signed_in_actor(), client_id, _chosen("department") or None)
        session.commit()
        flash(gettext("It holds from the program's next call on."), "success")
        return redirect(url_for(".overview"), 303)

    @page("/rights", permission="list")
    def rights(self) -> str:
        """Who may do what, to be read and printed."""
        return render_template("organization/rights.html", matrix=matrix(tenant_session()), scopes=SCOPES)

    @page("/rights/<int:role_id>", permission="edit", methods=("POST",))
    def scope(self, role_id: int) -> Response:
        """Say how far a role sees."""
        session = tenant_session()
        set_scope(session, signed_in_actor(), role_id, request.form.get("scope", ""))
        session.commit()
        flash(gettext("It holds from the next page on."), "success")
        return redirect(url_for(".rights"), 303)


def _chosen(field: str) -> int:
    return int(request.form.get(field, 0, type=int) or 0)


def _way_to(found: Department, branches: object) -> list[tuple[str, str]]:
    names = {branch.department.id: branch.name for branch in branches}  # type: ignore[attr-defined]
    above = [int(step) for step in found.path.strip("/").split("/")][:-1]
    way = [(gettext("Departments and people"), url_for("OrganizationView.overview"))]
    return way + [(names[step], url_for(".department", department_id=step)) for step in above if step in names]
