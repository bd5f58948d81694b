DROP TABLE login_attempt;
DROP TABLE portal_session;
DROP TABLE portal_link;
