def test_browsers_get_the_icon_that_they_look_for(client):
    response = client.get("/favicon.ico", follow=True)
    ((icon, status),) = response.redirect_chain
    assert (icon, status) == ("/static/btick/favicon.svg", 302)
