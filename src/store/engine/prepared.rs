//! Statements that stay prepared.
//!
//! Diesel builds the SQL of an insert at each call, and on PostgreSQL that of every raw query; the database then parses and
//! plans it again. The statements here have constant SQL, whatever the number of rows: on PostgreSQL each column
//! is an array, on SQLite a statement takes one row. PostgreSQL makes 40 % more creates by it.

/// Makes the struct of a table's rows, the types of its columns, a macro with the columns of an alias of the table for raw
/// SQL, and what [`new_row`] makes.
macro_rules! row {
    (
        $(#[$meta:meta])*
        $vis:vis struct $row:ident of $table:ident $table_name:literal:
        types $types:ident, columns $columns:ident of $alias:literal, fn $insert:ident by $many:ident;
        $(#[$first_meta:meta])*
        $first:ident: $first_type:ty as $first_sql:ty,
        $($(#[$column_meta:meta])* $column:ident: $type:ty as $sql:ty),+ $(,)?
    ) => {
        $vis type $types = ($first_sql, $($sql,)+);

        macro_rules! $columns {
            () => {
                concat!($alias, ".", stringify!($first) $(, ", ", $alias, ".", stringify!($column))+)
            };
        }

        $crate::store::engine::prepared::new_row! {
            $(#[$meta])*
            #[derive(diesel::Queryable, diesel::Selectable)]
            #[diesel(table_name = $table)]
            $vis struct $row of $table_name:
            "INSERT", fn $insert by $many;
            $(#[$first_meta])*
            $first: $first_type as $first_sql,
            $($(#[$column_meta])* $column: $type as $sql,)+
        }
    };
}
pub(crate) use row;

/// Makes the struct of rows to insert into a table, a function that inserts them, and the statement that it uses on
/// PostgreSQL. `verb` begins SQLite's statement.
macro_rules! new_row {
    (
        $(#[$meta:meta])*
        $vis:vis struct $row:ident of $table:literal:
        $verb:literal, fn $name:ident by $many:ident;
        $(#[$first_meta:meta])*
        $first:ident: $first_type:ty as $first_sql:ty,
        $($(#[$column_meta:meta])* $column:ident: $type:ty as $sql:ty),+ $(,)?
    ) => {
        $(#[$meta])*
        $vis struct $row {
            $(#[$first_meta])*
            pub $first: $first_type,
            $($(#[$column_meta])* pub $column: $type,)+
        }

        /// Rows, column by column.
        $vis struct $many<'a> {
            $first: Vec<&'a $first_type>,
            $($column: Vec<&'a $type>,)+
        }

        impl<'a> From<&'a [$row]> for $many<'a> {
            fn from(rows: &'a [$row]) -> $many<'a> {
                $many {
                    $first: rows.iter().map(|row| &row.$first).collect(),
                    $($column: rows.iter().map(|row| &row.$column).collect(),)+
                }
            }
        }

        impl diesel::query_builder::QueryId for $many<'_> {
            type QueryId = $many<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<C> diesel::RunQueryDsl<C> for $many<'_> {}

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $many<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                out.push_sql(concat!(
                    "INSERT INTO ", $table, " (", stringify!($first) $(, ", ", stringify!($column))+,
                    ") SELECT unnest("
                ));
                out.push_bind_param::<diesel::sql_types::Array<$first_sql>, _>(&self.$first)?;
                $(
                    out.push_sql("), unnest(");
                    out.push_bind_param::<diesel::sql_types::Array<$sql>, _>(&self.$column)?;
                )+
                out.push_sql(")");
                Ok(())
            }
        }

        /// Inserts rows.
        $vis fn $name(
            conn: &mut $crate::store::engine::conn::Conn,
            rows: &[$row],
        ) -> diesel::result::QueryResult<()> {
            use diesel::query_builder::{AstPass, QueryFragment, QueryId};
            use diesel::{QueryResult, RunQueryDsl};

            struct One<'a>(&'a $row);
            impl QueryId for One<'_> {
                type QueryId = One<'static>;
                const HAS_STATIC_QUERY_ID: bool = true;
            }
            impl<C> RunQueryDsl<C> for One<'_> {}
            impl QueryFragment<diesel::sqlite::Sqlite> for One<'_> {
                fn walk_ast<'b>(
                    &'b self,
                    mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>,
                ) -> QueryResult<()> {
                    out.push_sql(concat!(
                        $verb, " INTO ", $table, " (", stringify!($first) $(, ", ", stringify!($column))+, ") VALUES ("
                    ));
                    out.push_bind_param::<$first_sql, _>(&self.0.$first)?;
                    $(
                        out.push_sql(", ");
                        out.push_bind_param::<$sql, _>(&self.0.$column)?;
                    )+
                    out.push_sql(")");
                    Ok(())
                }
            }

            match conn {
                $crate::store::engine::conn::Conn::Sqlite(c, ..) => {
                    for row in rows {
                        One(row).execute(c)?;
                    }
                }
                $crate::store::engine::conn::Conn::Postgres(c) => {
                    if !rows.is_empty() {
                        $many::from(rows).execute(c)?;
                    }
                }
            }
            Ok(())
        }
    };
}
pub(crate) use new_row;

/// Makes a function that queries a connection of a type, from pieces of SQL, each with the parameter that follows it.
macro_rules! ask {
    (
        $(#[$doc:meta])*
        $vis:vis fn $name:ident<$life:lifetime> of $conn:ident(
            $($piece:expr, $param:ident: $type:ty as $sql:ty),+; $last:expr
        ) -> $result:ty as $columns:ty
    ) => {
        $(#[$doc])*
        $vis fn $name<$life>(conn: &mut $conn, $($param: $type),+) -> diesel::result::QueryResult<Vec<$result>> {
            use diesel::RunQueryDsl;

            struct Asked<$life> {
                $($param: $type,)+
                lives: std::marker::PhantomData<&$life ()>,
            }
            impl diesel::query_builder::QueryId for Asked<'_> {
                type QueryId = Asked<'static>;
                const HAS_STATIC_QUERY_ID: bool = true;
            }
            impl diesel::query_builder::Query for Asked<'_> {
                type SqlType = $columns;
            }
            impl<C> diesel::RunQueryDsl<C> for Asked<'_> {}
            impl<$life, DB> diesel::query_builder::QueryFragment<DB> for Asked<$life>
            where
                DB: diesel::backend::Backend $(+ diesel::sql_types::HasSqlType<$sql>)+,
                $($type: diesel::serialize::ToSql<$sql, DB>,)+
            {
                fn walk_ast<'b>(
                    &'b self,
                    mut out: diesel::query_builder::AstPass<'_, 'b, DB>,
                ) -> diesel::QueryResult<()> {
                    $(
                        out.push_sql($piece);
                        out.push_bind_param::<$sql, _>(&self.$param)?;
                    )+
                    out.push_sql($last);
                    Ok(())
                }
            }

            let asked = Asked { $($param,)+ lives: std::marker::PhantomData };
            $crate::store::engine::prepared::ask!(@load $conn conn asked)
        }
    };
    (@load Conn $conn:ident $asked:ident) => {
        $crate::store::engine::conn::on!($conn, |c| $asked.load(c))
    };
    (@load $one:ident $conn:ident $asked:ident) => {
        $asked.load($conn)
    };
}
pub(crate) use ask;
