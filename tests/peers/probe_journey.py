"""Probes of kind `journey` against Django: its login view with a CSRF token, a new session at the login, and a chain
of redirects, with and without TLS. Also with what breaks a sign-in: the failing step must be named.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import ssl
import sys
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, make_server

from harness import Nines, Workspace, answers, check, free_port, running, say, until
from probe_tls import Authority

PAGE = """<!doctype html><title>Sign in</title>
{% if form.errors %}<p>Wrong name or password</p>{% endif %}
<form method="post" action="?next=/enter">FIELD{{ form }}<button>Sign in</button></form>"""

# The steps of a sign-in. Django names the token's field `csrfmiddlewaretoken`.
PROBE = """[[probe]]
name         = "{name}"
kind         = "journey"
interval     = "1m"
timeout      = "10s"
secret_files = {{ password = "{password}" }}
{keys}
[[probe.step]]
name    = "sign-in page"
url     = "{site}/login"
expect  = {{ body_contains = "Sign in" }}
capture = {{ token = {{ field = "{captured}" }} }}
[[probe.step]]
name      = "sign in"
url       = "{site}/login?next=/enter"
form      = {{ username = "nines", password = "{{password}}", {sent} = "{{token}}" }}
redirects = {redirects}
expect    = {{ body_contains = "Welcome, nines" }}
capture   = {{ order = {{ json = "/newest", show = true }} }}
[[probe.step]]
name   = "newest order"
url    = "{site}/orders/{{order}}"
expect = {{ body_contains = "order 4711 of nines" }}
"""


def portal(database, field, secure):
    """Return the WSGI application of a small portal."""
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="for this test alone", ALLOWED_HOSTS=["localhost"], ROOT_URLCONF=__name__, USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                    "django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"],
            "loaders": [("django.template.loaders.locmem.Loader", {
                "registration/login.html": PAGE.replace("FIELD", field)})]}}],
        LOGIN_URL="/login", SESSION_COOKIE_SECURE=secure, CSRF_COOKIE_SECURE=secure)
    django.setup()
    from django.contrib.auth.decorators import login_required
    from django.contrib.auth.models import User
    from django.contrib.auth.views import LoginView
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
    from django.urls import path

    call_command("migrate", verbosity=0)
    User.objects.create_user("nines", password="hunter2 & more")

    @login_required
    def home(request):
        return JsonResponse({"title": f"Welcome, {request.user}", "newest": 4711})

    @login_required
    def order(request, number):
        return HttpResponse(f"order {number} of {request.user}")

    global urlpatterns
    urlpatterns = [
        path("login", LoginView.as_view()),
        path("enter", lambda request: HttpResponseRedirect("/home")),
        path("home", home),
        path("orders/<int:number>", order),
    ]
    return get_wsgi_application()


def serve(port, database, field, certificate):
    """Serve the portal, over TLS with a certificate."""
    application = portal(database, field, bool(certificate))
    server = make_server("127.0.0.1", int(port), application, handler_class=WSGIRequestHandler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        ServerHandler.os_environ = {**ServerHandler.os_environ, "HTTPS": "on"}
    server.serve_forever()


def start(workspace, name, field, certificate=""):
    """Start a portal and return its port."""
    port = free_port()
    process = workspace.begin(name, [
        sys.executable, "-B", __file__, "serve", str(port), workspace.folder / f"{name}.sqlite", field, certificate])
    until(30, f"{name} does not listen", lambda: running(process, name) and answers(port))
    return port


def run(workspace):
    authority = Authority(workspace.folder / "ca")
    authority.issue("web", "DNS:localhost")
    both = authority.folder / "both.pem"
    both.write_text("".join((authority.folder / f"web.{end}").read_text() for end in ("pem", "key")))
    own = "{% csrf_token %}"
    plain = f"http://localhost:{start(workspace, 'django', own)}"
    secure = f"https://localhost:{start(workspace, 'django-tls', own, both)}"
    renamed = '<input type="hidden" name="csrf" value="{{ csrf_token }}">'
    renamed = f"http://localhost:{start(workspace, 'django-renamed', renamed)}"
    trusted = f'ca_file = "{authority.folder}/ca.pem"'
    good, wrong = workspace.folder / "good", workspace.folder / "wrong"
    good.write_text("hunter2 & more\n")
    wrong.write_text("hunter3 & more\n")
    field = "csrfmiddlewaretoken"
    # Site, password, captured field, sent field, redirects, keys; outcome, reason and words.
    cases = [
        (plain, good, field, field, 10, "", "up", None, ""),
        (secure, good, field, field, 10, trusted, "up", None, ""),
        (plain, good, field, field, 1, "", "down", "redirect", "step 2 `sign in`: more than 1 redirects"),
        (plain, wrong, field, field, 10, "", "down", "body", "step 2 `sign in`: the body lacks `Welcome, nines`"),
        (plain, good, field, "csrf", 10, "", "down", "status",
         "step 2 `sign in`: status 403, expected 200 to 299"),
        (renamed, good, field, field, 10, "", "down", "body",
         f"step 1 `sign-in page`: the page has no form field `{field}`"),
        (renamed, good, "csrf", "csrf", 10, "", "down", "status",
         "step 2 `sign in`: status 403, expected 200 to 299"),
        (renamed, good, "csrf", field, 10, "", "up", None, ""),
        (secure, good, field, field, 10, "", "down", "certificate", "step 1 `sign-in page`: issued by Hospital CA"),
    ]
    probes = [PROBE.format(name=f"case-{number}", site=site, password=password, captured=captured, sent=sent,
                           redirects=redirects, keys=keys)
              for number, (site, password, captured, sent, redirects, keys, *_) in enumerate(cases)]
    nines = Nines(workspace, "nines", [free_port()], {}, {"portal": "".join(probes)})
    found = {result["probe"]: result for result in nines.json("probe", "portal", status=(1,), seconds=120)}
    check(len(found) == len(cases), f"{len(found)} results of {len(cases)} probes")
    for number, (*case, outcome, reason, words) in enumerate(cases):
        result = found[f"portal/case-{number}"]
        what = f"{case}: {result}"
        check((result["outcome"], result["reason"]) == (outcome, reason), what)
        check((result["detail"] or "").startswith(words), what)
        check("hunter" not in str(result), what)
        say(f"{case[0]}: {outcome} {result['detail'] or ''}")
    # A person reads each step; the order's number is shown, the token and the session are not.
    told = nines.ask("probe", "portal/case-0")
    for line in ("step 1 `sign-in page`", "cookie `csrftoken` set", f"from the form field `{field}`: 64 characters",
                 "step 2 `sign in`", "the form sends csrfmiddlewaretoken, password, username", "cookie `sessionid` set",
                 f"status 302, leads to {plain}/enter", f"status 302, leads to {plain}/home",
                 "captured `order` from `/newest`: `4711`", "step 3 `newest order`"):
        check(line in told, f"{line!r} is missing: {told}")
    say(told)
    told = nines.ask("probe", "portal/case-4", status=(1,))
    say(told)
    say("journey: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with Workspace(limit_s=240) as here:
            run(here)
