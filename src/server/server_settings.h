/*
 * server_settings.h - directives that take effect when CONFIG SET changes them. Private to
 * src/server/.
 */
#ifndef SCDB_SERVER_SERVER_SETTINGS_H
#define SCDB_SERVER_SERVER_SETTINGS_H

struct server;

/* Brings limits and the log in line with the configuration, and hooks into its changes. */
void server_settings_init(struct server *server);

/* Tells the store, which is there now, what it was not told when it was opened. */
void server_settings_start(struct server *server);

#endif
