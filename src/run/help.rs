//! What each metric is, in words for whoever reads the metrics file or the monitor.

/// Names without their prefix, and what they are.
const WORDS: &[(&str, &str)] = &[
    ("info", "The version of the program, as a label."),
    ("model_info", "The model, as labels."),
    ("start_time", "When the run began, in seconds since 1970."),
    ("end_time", "When the run ended, in seconds since 1970."),
    (
        "exit_code",
        "The exit code: 0 good, 1 some documents failed, 2 settings, 3 nothing could be done, 4 another run, 130 and 143 stopped.",
    ),
    ("last_success_time", "When a run last ended with 0, in seconds since 1970; it stays when a run fails."),
    ("documents_selected", "Documents that the run selected; the sum of the other counts."),
    ("documents_saved", "Documents whose annotation was written."),
    ("documents_unchanged", "Documents whose annotation was there already and the same."),
    ("documents_kept", "Documents whose annotation a person changed; it was left as it is."),
    ("documents_planned", "Documents that a dry run would have written."),
    ("documents_skipped", "Documents that were skipped because they have an annotation."),
    ("documents_failed", "Documents that failed; the log names each with its reason."),
    ("left", "Documents that a run that was stopped left for the next."),
    ("left_out_hidden", "Hidden files and folders that were passed over."),
    ("left_out_output", "Output folders and files of this program that were passed over."),
    ("left_out_other_name", "Files whose name does not match the pattern."),
    ("left_out_not_regular", "FIFOs, sockets and devices that were passed over."),
    ("left_out_dangling", "Symbolic links that lead nowhere."),
    ("left_out_loop", "Symbolic links that lead to a folder around them."),
    ("left_out_not_taxonomic", "Texts without a taxonomic abbreviation that were left out."),
    ("left_out_taxpub", "TaxPub documents that were left out."),
    ("left_out_golden", "Documents of the golden dataset that were left out."),
    ("left_out_no_text", "Documents without an attachment that the pattern matches."),
    ("labels", "Paragraphs with this label."),
    ("paragraphs", "Paragraphs that were labelled."),
    ("bytes", "Bytes of text that were labelled."),
    ("retries", "Tries beyond the first, of requests and of documents."),
    ("elapsed_seconds", "How long the run took."),
    ("peak_rss_bytes", "The most memory that the process held."),
    ("stages_elapsed_seconds", "Time spent in this stage, summed over its partitions."),
    ("stages_rows", "Rows that came out of this stage."),
    ("stages_partitions", "Partitions of this stage."),
    ("stages_failures", "How often this stage failed."),
    ("closures", "Bytes that this partition function carries to each worker."),
    ("broadcasts", "Bytes that every worker needs of this, sent once."),
    ("tasks", "Bytes of the largest task of this plan."),
    ("dataframes_columns", "Columns of this DataFrame."),
    ("dataframes_partitions", "Partitions of this DataFrame."),
    ("dataframes_lineage_depth", "Operators between this DataFrame and the data it is made from."),
    ("dataframes_lineage_depth_before", "Lineage depth of this DataFrame before its checkpoint."),
    ("dataframes_checkpointed", "Whether a checkpoint was made of this DataFrame: 1 for yes."),
    (
        "dataframes_checkpoint_planning_seconds",
        "How long the plan of this DataFrame's checkpoint took to make.",
    ),
    ("dataframes_task_bytes", "Bytes of the largest task of this DataFrame."),
    ("dataframes_logical_depth", "Depth of this DataFrame's logical plan."),
    ("dataframes_logical_operators", "Operators of this DataFrame's logical plan."),
    ("dataframes_logical_exchanges", "Exchanges of this DataFrame's logical plan."),
    ("dataframes_logical_unions", "Unions of this DataFrame's logical plan."),
    ("dataframes_logical_scans", "Scans of this DataFrame's logical plan."),
    ("dataframes_logical_expression_nodes", "Nodes of the expressions in this DataFrame's logical plan."),
    (
        "dataframes_logical_expression_depth",
        "Depth of the deepest expression in this DataFrame's logical plan.",
    ),
    ("dataframes_physical_depth", "Depth of this DataFrame's physical plan."),
    ("dataframes_physical_operators", "Operators of this DataFrame's physical plan."),
    ("dataframes_physical_exchanges", "Exchanges of this DataFrame's physical plan."),
    ("dataframes_physical_unions", "Unions of this DataFrame's physical plan."),
    ("dataframes_physical_scans", "Scans of this DataFrame's physical plan."),
    ("dataframes_physical_expression_nodes", "Nodes of the expressions in this DataFrame's physical plan."),
    (
        "dataframes_physical_expression_depth",
        "Depth of the deepest expression in this DataFrame's physical plan.",
    ),
    ("warnings", "Warnings of the run; the log has their texts."),
    ("advice", "Pieces of advice from what was measured; the log has their texts."),
    ("failures", "Documents that failed, as many as are named in the JSON form."),
    ("kept", "Annotations that a person changed, as many as are named in the JSON form."),
    ("notes", "Other things to know about single documents, as many as are named in the JSON form."),
    ("scopes_elapsed_seconds", "Wall time of this part of the run."),
    ("scopes_rows", "Rows of this part of the run."),
    ("scopes_partitions", "Partitions of this part of the run."),
    ("scopes_failures", "How often this part of the run failed."),
    ("executions_rows", "Rows that the plan gave."),
    ("executions_elapsed_seconds", "Time spent in the operators of the plan."),
];

/// `text` in Prometheus' format with these words as help; names begin with `prefix`.
pub(super) fn with_words(text: &str, prefix: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    for line in text.split_inclusive('\n') {
        let name = line.strip_prefix("# HELP ").and_then(|rest| rest.split(' ').next());
        let words = name
            .and_then(|name| name.strip_prefix(prefix))
            .and_then(|name| WORDS.iter().find(|(known, _)| *known == name));
        match words {
            Some((name, words)) => out += &format!("# HELP {prefix}{name} {words}\n"),
            None => out += line,
        }
    }
    out
}
