/*
 * acl.h - the ACL commands: what their files share.
 *
 * The rows and what changes users are in acl.c; acl_show.c has what only tells. All handlers want
 * the execution lock.
 */
#ifndef SCDB_COMMANDS_ACL_H
#define SCDB_COMMANDS_ACL_H

#include "server/command.h"

void acl_show_cat(struct call *call);
void acl_show_getuser(struct call *call);
void acl_show_list(struct call *call);
void acl_show_users(struct call *call);
void acl_show_whoami(struct call *call);
void acl_show_log(struct call *call);

/* "unknown subcommand or wrong number of arguments": for arguments that the arity lets pass. */
void acl_show_wrong_arguments(const struct call *call);

#endif
